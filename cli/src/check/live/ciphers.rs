//! Weak cipher suites of TLS 1.2, by weakness. docs/decisions/0012-hardening-findings-need-evidence.md explains the selection.

/// Suites of one weakness, by their IANA numbers.
pub(super) struct Weakness {
    pub(super) name: &'static str,
    pub(super) suites: &'static [u16],
}

/// Suites that must be rejected. Each suite is in one list: that of its worst weakness.
pub(super) const WEAK: [Weakness; 7] = [
    Weakness {
        name: "no encryption",
        suites: &[0x0001, 0x0002, 0x003b, 0xc001, 0xc006, 0xc00b, 0xc010, 0xc015, 0x00b4, 0x00b5],
    },
    Weakness {
        name: "no certificate",
        suites: &[
            0x0034, 0x003a, 0x0046, 0x006c, 0x006d, 0x0089, 0x009b, 0x00a6, 0x00a7, 0x00bf, 0x00c5, 0xc018, 0xc019,
            0x001b, 0xc017, 0x0018, 0xc016, 0x001a,
        ],
    },
    Weakness {
        name: "DES or a key for export",
        suites: &[
            0x0003, 0x0006, 0x0008, 0x0009, 0x000b, 0x000c, 0x000e, 0x000f, 0x0011, 0x0012, 0x0014, 0x0015, 0x0017,
            0x0019,
        ],
    },
    Weakness { name: "RC4", suites: &[0x0004, 0x0005, 0xc002, 0xc007, 0xc00c, 0xc011] },
    Weakness { name: "3DES", suites: &[0x000a, 0x000d, 0x0010, 0x0013, 0x0016, 0xc003, 0xc008, 0xc00d, 0xc012] },
    Weakness {
        name: "no forward secrecy",
        suites: &[
            // RSA key exchange: AES, with Camellia, ARIA, CCM, SEED and IDEA.
            0x002f, 0x0035, 0x003c, 0x003d, 0x009c, 0x009d, 0x0041, 0x0084, 0x00ba, 0x00c0, 0xc07a, 0xc07b, 0xc03c,
            0xc03d, 0xc050, 0xc051, 0xc09c, 0xc09d, 0xc0a0, 0xc0a1, 0x0096, 0x0007,
            // Static key exchange: DH, then ECDH.
            0x0030, 0x0031, 0x0036, 0x0037, 0x003e, 0x003f, 0x0068, 0x0069, 0x00a0, 0x00a1, 0x00a4, 0x00a5, 0xc004,
            0xc005, 0xc00e, 0xc00f, 0xc025, 0xc026, 0xc029, 0xc02a, 0xc02d, 0xc02e, 0xc031, 0xc032,
        ],
    },
    Weakness {
        name: "DHE with CBC",
        suites: &[
            0x0032, 0x0033, 0x0038, 0x0039, 0x0040, 0x0044, 0x0045, 0x0067, 0x006a, 0x006b, 0x0087, 0x0088, 0x00be,
            0x00c4, 0x009a, 0x0099,
        ],
    },
];

/// Suites that are reported and do not fail: they have forward secrecy, with a mode that careless implementations broke.
pub(super) const ECDHE_CBC: [u16; 12] =
    [0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028, 0xc072, 0xc073, 0xc076, 0xc077];

/// Suites that clients of TLS 1.0 and 1.1 offered.
pub(super) const OLD: [u16; 7] = [0xc009, 0xc00a, 0xc013, 0xc014, 0x002f, 0x0035, 0x000a];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_suite_has_one_weakness_and_no_good_one_is_among_them() {
        let mut all: Vec<u16> = WEAK.iter().flat_map(|weakness| weakness.suites).copied().chain(ECDHE_CBC).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        // The suites of Mozilla's intermediate configuration for TLS 1.2.
        let good = [0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0x009e, 0x009f, 0xccaa];
        assert!(good.iter().all(|suite| !all.contains(suite)));
    }
}
