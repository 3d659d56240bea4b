//! The known answers, as published, or computed by other implementations from published inputs.

use hex_literal::hex;

use crate::ecc::Curve;
use crate::{BlockMode, HashAlgorithm};

/// The digest of "abc" (FIPS 180-4), and the HMAC of "what do ya want for nothing?" under "Jefe" (RFC 2202, 4231).
pub(super) struct HashAnswer {
    pub(super) algorithm: HashAlgorithm,
    pub(super) digest: &'static [u8],
    pub(super) hmac: &'static [u8],
}

pub(super) const HASH: [HashAnswer; 4] = [
    HashAnswer {
        algorithm: HashAlgorithm::Sha1,
        digest: &hex!("a9993e364706816aba3e25717850c26c9cd0d89d"),
        hmac: &hex!("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    },
    HashAnswer {
        algorithm: HashAlgorithm::Sha256,
        digest: &hex!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        hmac: &hex!("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    },
    HashAnswer {
        algorithm: HashAlgorithm::Sha384,
        digest: &hex!(
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc23"
            "58baeca134c825a7"
        ),
        hmac: &hex!(
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c7"
            "8b3239ecfab21649"
        ),
    },
    HashAnswer {
        algorithm: HashAlgorithm::Sha512,
        digest: &hex!(
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a8"
            "36ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        hmac: &hex!(
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a"
            "6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
        ),
    },
];

/// SP 800-38A, annex F: four blocks in every mode under keys of every size.
pub(super) struct AesAnswer {
    pub(super) mode: BlockMode,
    /// For [`AES_KEYS`], one after the other.
    pub(super) ciphertexts: [[u8; 64]; 3],
}

pub(super) const AES_PLAINTEXT: [u8; 64] = hex!(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411"
    "e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
);

pub(super) const AES_KEYS: [&[u8]; 3] = [
    &hex!("2b7e151628aed2a6abf7158809cf4f3c"),
    &hex!("8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"),
    &hex!("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"),
];

/// The first counter block, and the chaining value of every other mode.
pub(super) const AES_COUNTER: [u8; 16] = hex!("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
pub(super) const AES_IV: [u8; 16] = hex!("000102030405060708090a0b0c0d0e0f");

pub(super) const AES: [AesAnswer; 5] = [
    AesAnswer {
        mode: BlockMode::Ctr,
        ciphertexts: [
            hex!(
                "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff5ae4df3edbd5d35e"
                "5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee"
            ),
            hex!(
                "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e941e36b26bd1ebc670"
                "d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050"
            ),
            hex!(
                "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c52b0930daa23de94c"
                "e87017ba2d84988ddfc9c58db67aada613c2dd08457941a6"
            ),
        ],
    },
    AesAnswer {
        mode: BlockMode::Ofb,
        ciphertexts: [
            hex!(
                "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed8259740051e9c5fecf6"
                "4344f7a82260edcc304c6528f659c77866a510d9c1d6ae5e"
            ),
            hex!(
                "cdc80d6fddf18cab34c25909c99a4174fcc28b8d4c63837c09e81700c11004018d9a9aeac0f6596f"
                "559c6d4daf59a5f26d9f200857ca6c3e9cac524bd9acc92a"
            ),
            hex!(
                "dc7e84bfda79164b7ecd8486985d38604febdc6740d20b3ac88f6ad82a4fb08d71ab47a086e86eed"
                "f39d1c5bba97c4080126141d67f37be8538f5a8be740e484"
            ),
        ],
    },
    AesAnswer {
        mode: BlockMode::Cbc,
        ciphertexts: [
            hex!(
                "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b273bed6b8e3c1743b"
                "7116e69e222295163ff1caa1681fac09120eca307586e1a7"
            ),
            hex!(
                "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a571b242012fb7ae0"
                "7fa9baac3df102e008b0e27988598881d920a9e64f5615cd"
            ),
            hex!(
                "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d39f23369a9d9bacf"
                "a530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"
            ),
        ],
    },
    AesAnswer {
        mode: BlockMode::Cfb,
        ciphertexts: [
            hex!(
                "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b26751f67a3cbb140"
                "b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6"
            ),
            hex!(
                "cdc80d6fddf18cab34c25909c99a417467ce7f7f81173621961a2b70171d3d7a2e1e8a1dd59b88b1"
                "c8e60fed1efac4c9c05f9f9ca9834fa042ae8fba584b09ff"
            ),
            hex!(
                "dc7e84bfda79164b7ecd8486985d386039ffed143b28b1c832113c6331e5407bdf10132415e54b92"
                "a13ed0a8267ae2f975a385741ab9cef82031623d55b1e471"
            ),
        ],
    },
    AesAnswer {
        mode: BlockMode::Ecb,
        ciphertexts: [
            hex!(
                "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf43b1cd7f598ece23"
                "881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4"
            ),
            hex!(
                "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eefef7afd2270e2e60a"
                "dce0ba2face6444e9a4b41ba738d6c72fb16691603c18e0e"
            ),
            hex!(
                "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870b6ed21b99ca6f4f9"
                "f153e7b1beafed1d23304b7a39f9f3ff067d8d8f9e24ecc7"
            ),
        ],
    },
];

/// NIST's vectors for CTR_DRBG, AES-256 with derivation function, no reseeding: the second request's answer.
pub(super) struct DrbgAnswer {
    pub(super) entropy: &'static [u8],
    pub(super) nonce: &'static [u8],
    pub(super) additional: [&'static [u8]; 2],
    pub(super) output: [u8; 64],
}

pub(super) const DRBG: [DrbgAnswer; 2] = [
    DrbgAnswer {
        entropy: &hex!("36401940fa8b1fba91a1661f211d78a0b9389a74e5bccfece8d766af1a6d3b14"),
        nonce: &hex!("496f25b0f1301b4f501be30380a137eb"),
        additional: [&[], &[]],
        output: hex!(
            "5862eb38bd558dd978a696e6df164782ddd887e7e9a6c9f3f1fbafb78941b535a64912dfd224c6dc"
            "7454e5250b3d97165e16260c2faf1cc7735cb75fb4f07e1d"
        ),
    },
    DrbgAnswer {
        entropy: &hex!("8148d65d86513ce7d38923ec2f26b9e7c677dcc8997e325b7372619e753ed944"),
        nonce: &hex!("41c71a24d17d974190982bb7515ce7f5"),
        additional: [
            &hex!("55b446046c2d14bdd0cdba4b71873fd4762650695a11507949462da8d964ab6a"),
            &hex!("91468f1a097d99ee339462ca916cb4a10f63d53850a4f17f598eac490299b02e"),
        ],
        output: hex!(
            "54603d1a506132bbfa05b153a04f22a1d516cc46323cef15111af221f030f38d6841d4670518b491"
            "4a4631af682e7421dffaac986a38e94d92bfa758e2eb101f"
        ),
    },
];

/// HMAC_DRBG with SHA-512 over the seed 00 01 … 3f, the label "LABEL" and the context "context", as framed by version
/// 1 of the stream: the answers to two requests.
pub(super) const SEEDED_STREAM: [&[u8]; 2] = [
    &hex!("cfb4961f392208f669e796cb8efd5e81fa571862e53d7dfb4d8523008a2face9aa51fe20ce855d0a"),
    &hex!(
        "05b5df2ebd8c0747679267479254bd9cdb9ac24fb36ce3b39b3fc1f72c2d2499ce8687ec5703fc59"
        "87a7f9407757b2bef6656b7917ff9f2aff58e90df24d2443e211634c08130758"
    ),
];

/// KDFa and KDFe with the key 00 01 … 13, "LABEL", "U-context" and "V".
pub(super) struct KdfAnswer {
    pub(super) algorithm: HashAlgorithm,
    pub(super) bits: u32,
    pub(super) kdfa: &'static [u8],
    pub(super) kdfe: &'static [u8],
}

pub(super) const KDF: [KdfAnswer; 4] = [
    KdfAnswer {
        algorithm: HashAlgorithm::Sha1,
        bits: 256,
        kdfa: &hex!("fb51f3c87373f3c49ececf8c8953c0e62701ece6737c9f277bd7ef134383e3c8"),
        kdfe: &hex!("3c6f86e4fa0549c41052199c597763dcb704c9a6c0e54091edcea33cce4ef441"),
    },
    KdfAnswer {
        algorithm: HashAlgorithm::Sha256,
        bits: 521,
        kdfa: &hex!(
            "0001b6292d735c79c9b733f4b4b7acac7e144772ec05953b2dd1066151935df5513fb71e64819036"
            "11799bd666ecc988618cea8d3d116bac7ddeba2199458fa83220"
        ),
        kdfe: &hex!(
            "015f0a4f4205d26d47ee8d8088db4f76b1433329346d066dea88a6423b3672f7f63ff4024d80e43b"
            "2b8713c043e55e274c2feb8905198ece6144cf30c9aa91336ba1"
        ),
    },
    KdfAnswer { algorithm: HashAlgorithm::Sha384, bits: 8, kdfa: &hex!("5e"), kdfe: &hex!("df") },
    KdfAnswer {
        algorithm: HashAlgorithm::Sha512,
        bits: 1024,
        kdfa: &hex!(
            "5335241b5846e4111e4167baa66cbae8ade23287c781fb94bb569d5fa9a851bcbb4a71d575efa921"
            "59c3b92ea6bccdc7827cbbff8bc44a3d99027f17fc28c3de29c99cc09b1cddeefbc5803ff297b373"
            "d4997e9617441a643b478d55814c078be6cc99c2910f041bdf19109410a8e1a689b3c59faa40ff2f"
            "07087e1e5c3965b4"
        ),
        kdfe: &hex!(
            "2ee63a826376664c876344627dd91d70e12690fae7d41720158856db407b82770db2348d6e19da67"
            "bad231b5c9b545ce7b3a3e78cdbcd243121792b62e334d9624548f457937aa4f24044a66fbf59168"
            "7b16ebf5d4f1b3eea1306b873974235b064a794098071655149be5e345130ba6c90de4a5d9acf252"
            "8b1e190f4e1e51b2"
        ),
    },
];

/// RFC 6979, A.2.5 to A.2.7: the message "sample" with the hash of the curve's size.
pub(super) struct EccAnswer {
    pub(super) curve: Curve,
    pub(super) hash: HashAlgorithm,
    pub(super) private: &'static [u8],
    pub(super) x: &'static [u8],
    pub(super) y: &'static [u8],
    /// The secret number of the signature, less one.
    pub(super) nonce_less_one: &'static [u8],
    pub(super) r: &'static [u8],
    pub(super) s: &'static [u8],
    /// The x coordinate of the point multiplied by the secret number.
    pub(super) shared: &'static [u8],
    /// The private key that belongs to the stream of [`SEEDED_STREAM`].
    pub(super) seeded_private: &'static [u8],
}

pub(super) const ECC: [EccAnswer; 3] = [
    EccAnswer {
        curve: Curve::P256,
        hash: HashAlgorithm::Sha256,
        private: &hex!("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"),
        x: &hex!("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"),
        y: &hex!("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"),
        nonce_less_one: &hex!("a6e3c57dd01abe90086538398355dd4c3b17aa873382b0f24d6129493d8aad5f"),
        r: &hex!("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"),
        s: &hex!("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"),
        shared: &hex!("3ffbbd4fe496a30ea456822f31c21e76482462fca119bece403abf00bed50fbb"),
        seeded_private: &hex!("a3099fc08626bf6d30c7a8a14797db5cae19fc43efd453d81fc1a354d5569d7b"),
    },
    EccAnswer {
        curve: Curve::P384,
        hash: HashAlgorithm::Sha384,
        private: &hex!(
            "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825"
            "f872c9ea60d2edf5"
        ),
        x: &hex!(
            "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea90558660"
            "64a254515480bc13"
        ),
        y: &hex!(
            "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe"
            "7344fd2533264720"
        ),
        nonce_less_one: &hex!(
            "94ed910d1a099dad3254e9242ae85abde4ba15168eaf0ca87a555fd56d10fbca2907e3e83ba95368"
            "623b8c4686915cf8"
        ),
        r: &hex!(
            "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf9"
            "6e36dd1e80fabe46"
        ),
        s: &hex!(
            "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e"
            "7b82c71a38628ac8"
        ),
        shared: &hex!(
            "aa6ed6e37e34660577bef31af5c050c96006157ee283414afc1b922e85b39c6601b526ae0d2abf71"
            "5604252b655a5cf2"
        ),
        seeded_private: &hex!(
            "69e796cb8efd5e81fa571862e53d7dfb7b73c6b4ae893ab9fb004c03dc78ba57a2dcffa116fbe8ae"
            "725bc2c53400a1e5"
        ),
    },
    EccAnswer {
        curve: Curve::P521,
        hash: HashAlgorithm::Sha512,
        private: &hex!(
            "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c"
            "70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538"
        ),
        x: &hex!(
            "01894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd371123d46e45db6b"
            "5d5370a7f20fb633155d38ffa16d2bd761dcac474b9a2f5023a4"
        ),
        y: &hex!(
            "00493101c962cd4d2fddf782285e64584139c2f91b47f87ff82354d6630f746a28a0db25741b5b34"
            "a828008b22acc23f924faafbd4d33f81ea66956dfeaa2bfdfcf5"
        ),
        nonce_less_one: &hex!(
            "01dae2ea071f8110dc26882d4d5eae0621a3256fc8847fb9022e2b7d28e6f10198b1574fdd03a905"
            "3c08a1854a168aa5a57470ec97dd5ce090124ef52a2f7ecbffd2"
        ),
        r: &hex!(
            "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5"
            "d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa"
        ),
        s: &hex!(
            "00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c"
            "0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a"
        ),
        shared: &hex!(
            "019c92ab6e79c2c710a09743b7895d67eaa233f9942acf43b893cf65bd0ba098bee820f3d9c690a7"
            "8bbe39cf1b2c217d5febabd9a73fccae9a14d4d1140c95abc5f1"
        ),
        seeded_private: &hex!(
            "01e796cb8efd5e81fa571862e53d7dfb4d8523008a2face9aa56d65eb56820a38553ae5270c88124"
            "e4011a72d6e363e45c3f42e304ae69c9bcaa654be73502a1ce2a"
        ),
    },
];
