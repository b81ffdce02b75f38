CREATE OR REPLACE FUNCTION own_attempt_keys() RETURNS bytea[]
LANGUAGE sql STABLE
RETURN (
    SELECT ARRAY[
        sha256(convert_to('session ' || (actor ->> 'session_id'), 'UTF8')),
        sha256(convert_to('signed in ' || (actor ->> 'id'), 'UTF8'))]
      FROM (SELECT current_setting('holdfast.actor')::jsonb AS actor) AS request);

COMMENT ON FUNCTION own_attempt_keys IS
    'The subjects of a signed-in user''s attempts, in the order in which they are taken: the session, the user.';
GRANT EXECUTE ON FUNCTION own_attempt_keys TO holdfast_definer;
