CREATE OR REPLACE FUNCTION address_block(p_address text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
DECLARE
    address inet;
BEGIN
    address := p_address::inet;
    RETURN network(set_masklen(address, CASE family(address) WHEN 4 THEN 24 ELSE 48 END))::text;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN NULL;
END $$;

COMMENT ON FUNCTION address_block IS
    'The network by which rejections are counted: 24 bits of an IPv4 address, 48 of an IPv6 address, what a site has '
    '(RFC 6177). NULL where the text is no address.';
GRANT EXECUTE ON FUNCTION address_block TO holdfast_definer;
