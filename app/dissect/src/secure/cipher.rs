//! The three cipher suites of TLS 1.3 and keys made of traffic secrets (RFC 8446 sections 5.2, 5.3 and 7; RFC 9001 section 5).

use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use aes::{Aes128, Aes256};
use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _, StreamCipherSeek as _};
use chacha20poly1305::ChaCha20Poly1305;
use hkdf::Hkdf;
use sha2::{Sha256, Sha384};

/// The salt of version 1 (RFC 9001 section 5.2).
const INITIAL_SALT: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
    0xbb, 0x7f, 0x0a,
];

/// A cipher suite of TLS 1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suite {
    Aes128,
    Aes256,
    ChaCha20,
}

/// What protects the packets or records of one direction.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    suite: Suite,
    key: Vec<u8>,
    iv: [u8; 12],
    /// For the headers of QUIC.
    header: Vec<u8>,
}

/// A traffic secret and the keys made of it.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    secret: Vec<u8>,
    quic: bool,
    pub(crate) keys: Keys,
}

impl Suite {
    /// By its number in the handshake.
    pub(crate) fn of(number: u64) -> Option<Self> {
        match number {
            0x1301 => Some(Self::Aes128),
            0x1302 => Some(Self::Aes256),
            0x1303 => Some(Self::ChaCha20),
            _ => None,
        }
    }

    /// Those whose hash is as long as a secret: what may have been chosen if nobody saw the choice.
    pub(crate) fn with_secret(length: usize) -> &'static [Self] {
        match length {
            32 => &[Self::Aes128, Self::ChaCha20],
            48 => &[Self::Aes256],
            _ => &[],
        }
    }

    fn key_length(self) -> usize {
        if self == Self::Aes128 { 16 } else { 32 }
    }

    /// HKDF-Expand-Label without context (RFC 8446 section 7.1).
    fn expand(self, secret: &[u8], label: &str, length: usize) -> Option<Vec<u8>> {
        let mut info = u16::try_from(length).ok()?.to_be_bytes().to_vec();
        info.push(u8::try_from(label.len() + 6).ok()?);
        info.extend(b"tls13 ");
        info.extend(label.as_bytes());
        info.push(0);
        let mut out = vec![0; length];
        match self {
            Self::Aes256 => Hkdf::<Sha384>::from_prk(secret).ok()?.expand(&info, &mut out).ok()?,
            _ => Hkdf::<Sha256>::from_prk(secret).ok()?.expand(&info, &mut out).ok()?,
        }
        Some(out)
    }
}

impl Traffic {
    /// Keys of records (`quic` false) or packets. `None` if the secret does not fit the suite.
    pub(crate) fn new(suite: Suite, secret: &[u8], quic: bool) -> Option<Self> {
        let [key, iv, header] = if quic { ["quic key", "quic iv", "quic hp"] } else { ["key", "iv", ""] };
        let header = if quic { suite.expand(secret, header, suite.key_length())? } else { Vec::new() };
        let keys = Keys {
            suite,
            key: suite.expand(secret, key, suite.key_length())?,
            iv: suite.expand(secret, iv, 12)?.try_into().ok()?,
            header,
        };
        Some(Self { secret: secret.to_vec(), quic, keys })
    }

    /// The keys of QUIC's Initial packets, which are no secret: client's, server's (RFC 9001 section 5.2).
    pub(crate) fn initial(destination: &[u8]) -> Option<[Self; 2]> {
        let (secret, _) = Hkdf::<Sha256>::extract(Some(&INITIAL_SALT), destination);
        let of = |label| Self::new(Suite::Aes128, &Suite::Aes128.expand(&secret, label, 32)?, true);
        Some([of("client in")?, of("server in")?])
    }

    /// After a key update (RFC 8446 section 7.2, RFC 9001 section 6.1): headers of QUIC keep their key.
    pub(crate) fn next(&self) -> Option<Self> {
        let label = if self.quic { "quic ku" } else { "traffic upd" };
        let secret = self.keys.suite.expand(&self.secret, label, self.secret.len())?;
        let mut next = Self::new(self.keys.suite, &secret, self.quic)?;
        next.keys.header.clone_from(&self.keys.header);
        Some(next)
    }
}

impl Keys {
    /// Decrypts `sealed`, whose tag is at its end. `number` counts records or packets. `None` if the keys are not these.
    pub(crate) fn open(&self, number: u64, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = self.iv;
        for (byte, of_number) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *byte ^= of_number;
        }
        let (nonce, payload) = ((&nonce).into(), Payload { msg: sealed, aad });
        match self.suite {
            Suite::Aes128 => Aes128Gcm::new_from_slice(&self.key).ok()?.decrypt(nonce, payload).ok(),
            Suite::Aes256 => Aes256Gcm::new_from_slice(&self.key).ok()?.decrypt(nonce, payload).ok(),
            Suite::ChaCha20 => ChaCha20Poly1305::new_from_slice(&self.key).ok()?.decrypt(nonce, payload).ok(),
        }
    }

    /// What hides the first byte and the packet number of a QUIC packet (RFC 9001 section 5.4).
    pub(crate) fn mask(&self, sample: &[u8; 16]) -> Option<[u8; 5]> {
        let mut block = (*sample).into();
        match self.suite {
            Suite::Aes128 => Aes128::new_from_slice(&self.header).ok()?.encrypt_block(&mut block),
            Suite::Aes256 => Aes256::new_from_slice(&self.header).ok()?.encrypt_block(&mut block),
            Suite::ChaCha20 => {
                let [counter @ .., _, _, _, _, _, _, _, _, _, _, _, _] = *sample;
                let mut cipher = ChaCha20::new_from_slices(&self.header, &sample[4..]).ok()?;
                cipher.try_seek(u64::from(u32::from_le_bytes(counter)) * 64).ok()?;
                let mut mask = [0; 5];
                cipher.apply_keystream(&mut mask);
                return Some(mask);
            }
        }
        block.first_chunk().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
        digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
    }

    /// RFC 9001 appendix A.1.
    #[test]
    fn initial_keys() {
        let [client, server] = Traffic::initial(&hex("8394c8f03e515708")).unwrap();
        assert_eq!(client.secret, hex("c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea"));
        assert_eq!(client.keys.key, hex("1f369613dd76d5467730efcbe3b1a22d"));
        assert_eq!(client.keys.iv[..], hex("fa044b2f42a3fd3b46fb255c"));
        assert_eq!(client.keys.header, hex("9f50449e04a0e810283a1e9933adedd2"));
        assert_eq!(server.keys.key, hex("cf3a5331653c364c88f0f379b6067e37"));
        assert_eq!(server.keys.iv[..], hex("0ac1493ca1905853b0bba03e"));
        assert_eq!(server.keys.header, hex("c206b8d9b9f0f37644430b490eeaa314"));
    }

    /// RFC 9001 appendix A.2 and A.3.
    #[test]
    fn header_masks() {
        let [client, server] = Traffic::initial(&hex("8394c8f03e515708")).unwrap();
        let sample = hex("d1b1c98dd7689fb8ec11d242b123dc9b").try_into().unwrap();
        assert_eq!(client.keys.mask(&sample).unwrap()[..], hex("437b9aec36"));
        let sample = hex("2cd0991cd25b0aac406a5816b6394100").try_into().unwrap();
        assert_eq!(server.keys.mask(&sample).unwrap()[..], hex("2ec0d8356a"));
    }

    /// RFC 9001 appendix A.5: a packet with a short header, and the secret after the next key update.
    #[test]
    fn chacha20_short_header() {
        let secret = hex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b");
        let traffic = Traffic::new(Suite::ChaCha20, &secret, true).unwrap();
        assert_eq!(traffic.keys.key, hex("c6d98ff3441c3fe1b2182094f69caa2ed4b716b65488960a7a984979fb23e1c8"));
        assert_eq!(
            traffic.keys.header,
            hex("25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4")
        );
        let next = traffic.next().unwrap();
        assert_eq!(next.secret, hex("1223504755036d556342ee9361d253421a826c9ecdf3c7148684b36b714881f9"));
        assert_eq!(next.keys.header, traffic.keys.header);
        let packet = hex("4cfe4189655e5cd55c41f69080575d7999c25a5bfb");
        let mask = traffic.keys.mask(&packet[5..21].try_into().unwrap()).unwrap();
        assert_eq!(mask[..], hex("aefefe7d03"));
        let opened = traffic.keys.open(654_360_564, &hex("4200bff4"), &packet[4..]);
        assert_eq!(opened.unwrap(), [1], "a PING");
        assert_eq!(traffic.keys.open(654_360_565, &hex("4200bff4"), &packet[4..]), None);
    }

    /// RFC 8448 section 3: the server's first handshake flight, and the keys of the client.
    #[test]
    fn records_of_tls() {
        let secret = hex("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21");
        let traffic = Traffic::new(Suite::Aes128, &secret, false).unwrap();
        assert_eq!(traffic.keys.key, hex("dbfaa693d1762c5b666af5d950258d01"));
        assert_eq!(traffic.keys.iv[..], hex("5bd3c71b836e0b76bb73265f"));
        let secret = hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
        let client = Traffic::new(Suite::Aes128, &secret, false).unwrap();
        assert_eq!(client.keys.key, hex("17422dda596ed5d9acd890e3c63f5051"));
        // The application data of the client, 50 bytes 00, 01, … and the type.
        let record = hex(
            "17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42 f9 14 aa 66 bc ab 3f 2b 98 19 a8 \
             a5 b4 6b 39 5b d5 4a 9a 20 44 1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd 1e 3d ea e6 3a ee bb 21 69 49 15 e4",
        );
        let opened = client.keys.open(0, &record[..5], &record[5..]).unwrap();
        let sent: Vec<u8> = (0..50).chain([23]).collect();
        assert_eq!(opened, sent);
    }
}
