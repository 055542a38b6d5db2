//! The keys that seal what is private: one master key, never stored with the data, and a data key for each stream.

use std::fmt;
use std::path::Path;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretBox, SecretSlice};
use sha2::{Digest, Sha256};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const MASTER_KEY_ID_BYTES: usize = 8;
/// First byte of a wrapped data key: the form of what follows (master key id, nonce, sealed key).
const WRAPPED_FORM: u8 = 1;

/// A key as bytes: wiped from memory once it is dropped, and shown by nothing.
pub type SecretKey = SecretBox<[u8; KEY_BYTES]>;

/// A new key.
pub fn random_key() -> SecretKey {
    SecretBox::init_with_mut(|key: &mut [u8; KEY_BYTES]| rand::rng().fill(key))
}

/// What was sealed cannot be opened: another key, or bytes that were changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what was sealed cannot be opened with this key")]
pub struct CannotOpen;

/// Master keys that may be present at a time: one to seal with, and those that are on their way out.
const MAX_MASTER_KEYS: usize = 8;

/// Wraps data keys with the present master key, and unwraps what it or an earlier one has wrapped.
#[derive(Clone)]
pub struct Vault {
    present: MasterKey,
    earlier: Vec<MasterKey>,
}

#[derive(Clone)]
struct MasterKey {
    id: [u8; MASTER_KEY_ID_BYTES],
    cipher: Aes256Gcm,
}

impl MasterKey {
    fn new(master_key: &[u8; KEY_BYTES]) -> Self {
        let digest = Sha256::new().chain_update(b"cloud-bridge master key").chain_update(master_key).finalize();
        let mut id = [0; MASTER_KEY_ID_BYTES];
        id.copy_from_slice(&digest[..MASTER_KEY_ID_BYTES]);
        Self { id, cipher: cipher(master_key) }
    }

    fn from_text(text: &str) -> anyhow::Result<Self> {
        let bytes = SecretSlice::from(match hex::decode(text) {
            Ok(bytes) => bytes,
            Err(_) => STANDARD.decode(text).context("a master key is neither base64 nor hexadecimal")?,
        });
        let Ok(key) = <&[u8; KEY_BYTES]>::try_from(bytes.expose_secret()) else {
            bail!("a master key has {} bytes where 32 are needed", bytes.expose_secret().len());
        };
        Ok(Self::new(key))
    }
}

impl Vault {
    pub fn new(master_key: &[u8; KEY_BYTES]) -> Self {
        Self { present: MasterKey::new(master_key), earlier: vec![] }
    }

    /// From 32 bytes in base64 or hexadecimal, as people keep them in an environment variable. Several keys may stand there,
    /// separated by commas or spaces: the first seals, the others open what they sealed before.
    pub fn from_text(text: &str) -> anyhow::Result<Self> {
        let words = text.split(|character: char| character == ',' || character.is_whitespace());
        let keys: anyhow::Result<Vec<MasterKey>> =
            words.filter(|word| !word.is_empty()).map(MasterKey::from_text).collect();
        let mut keys = keys?.into_iter();
        let present = keys.next().context("there is no master key")?;
        let earlier: Vec<MasterKey> = keys.collect();
        if earlier.len() >= MAX_MASTER_KEYS {
            bail!("there are more than {MAX_MASTER_KEYS} master keys: leave out those that are not used any more");
        }
        Ok(Self { present, earlier })
    }

    /// Reads the key file, or makes one (mode 0600) where there is none yet and `may_create`.
    ///
    /// A log that was sealed by a key that has gone missing must not silently get a new one.
    pub fn from_file(path: &Path, may_create: bool) -> anyhow::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                refuse_if_others_may_read(path)?;
                Self::from_text(&text).with_context(|| format!("the key file {} is damaged", path.display()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && may_create => {
                let key = random_key();
                write_private(path, &STANDARD.encode(key.expose_secret()))
                    .with_context(|| format!("the key file {} cannot be written", path.display()))?;
                Ok(Self::new(key.expose_secret()))
            }
            Err(error) => Err(error).with_context(|| {
                format!(
                    "the master key cannot be read from {}: put the file back, or give the key in CLOUD_BRIDGE_MASTER_KEY",
                    path.display()
                )
            }),
        }
    }

    /// Tells the present master key from another without telling anything about it.
    pub fn master_key_id(&self) -> &[u8] {
        &self.present.id
    }

    /// Whether the master key of this id is here.
    pub fn has(&self, master_key_id: &[u8]) -> bool {
        self.master_key(master_key_id).is_some()
    }

    fn master_key(&self, id: &[u8]) -> Option<&MasterKey> {
        std::iter::once(&self.present).chain(&self.earlier).find(|key| key.id == id)
    }

    /// The same secret wrapped by the present master key; nothing where it is already.
    pub fn rewrap(&self, associated_data: &str, wrapped: &[u8]) -> Result<Option<Vec<u8>>, CannotOpen> {
        if wrapped.get(1..=MASTER_KEY_ID_BYTES) == Some(&self.present.id) {
            return Ok(None);
        }
        Ok(Some(self.wrap_key(associated_data, &self.unwrap_key(associated_data, wrapped)?)))
    }

    /// A new data key, with the form in which it is stored.
    pub fn new_data_key(&self, stream: &str) -> (DataKey, Vec<u8>) {
        let key = random_key();
        (DataKey(cipher(key.expose_secret())), self.wrap_key(stream, &key))
    }

    pub fn unwrap(&self, stream: &str, wrapped: &[u8]) -> Result<DataKey, CannotOpen> {
        self.unwrap_key(stream, wrapped).map(|key| DataKey(cipher(key.expose_secret())))
    }

    /// A key in the form in which keys are stored (69 bytes). `associated_data` is where they belong.
    pub fn wrap_key(&self, associated_data: &str, key: &SecretKey) -> Vec<u8> {
        let mut wrapped = vec![WRAPPED_FORM];
        wrapped.extend_from_slice(&self.present.id);
        wrapped.extend_from_slice(&seal(&self.present.cipher, key.expose_secret(), associated_data.as_bytes()));
        wrapped
    }

    pub fn unwrap_key(&self, associated_data: &str, wrapped: &[u8]) -> Result<SecretKey, CannotOpen> {
        let Some((&WRAPPED_FORM, rest)) = wrapped.split_first() else {
            return Err(CannotOpen);
        };
        let (id, sealed) = rest.split_at_checked(MASTER_KEY_ID_BYTES).ok_or(CannotOpen)?;
        let master_key = self.master_key(id).ok_or(CannotOpen)?;
        let opened = SecretSlice::from(open(&master_key.cipher, sealed, associated_data.as_bytes())?);
        let key = <&[u8; KEY_BYTES]>::try_from(opened.expose_secret()).map_err(|_| CannotOpen)?;
        Ok(SecretBox::init_with_mut(|copy: &mut [u8; KEY_BYTES]| copy.copy_from_slice(key)))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({})", hex::encode(self.present.id))
    }
}

/// Seals the private parts of one stream. Without it they cannot be read.
#[derive(Clone)]
pub struct DataKey(Aes256Gcm);

impl DataKey {
    /// Nonce, sealed bytes and tag. `associated_data` says where they belong, so that they cannot be moved elsewhere.
    pub fn seal(&self, plain: &[u8], associated_data: &[u8]) -> Vec<u8> {
        seal(&self.0, plain, associated_data)
    }

    pub fn open(&self, sealed: &[u8], associated_data: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        open(&self.0, sealed, associated_data)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

fn cipher(key: &[u8; KEY_BYTES]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}

fn seal(cipher: &Aes256Gcm, plain: &[u8], aad: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE_BYTES] = rand::rng().random();
    let sealed = cipher
        .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad })
        .expect("AES-GCM seals anything under 64 GiB, and every body is bounded far below");
    [nonce.as_slice(), &sealed].concat()
}

fn open(cipher: &Aes256Gcm, sealed: &[u8], aad: &[u8]) -> Result<Vec<u8>, CannotOpen> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(CannotOpen)?;
    cipher.decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad }).map_err(|_| CannotOpen)
}

/// Writes a file that only its owner may read, with a line end.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    if let Some(folder) = path.parent() {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

#[cfg(unix)]
fn refuse_if_others_may_read(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!("the key file {0} can be read by others (mode {mode:o}): run `chmod 600 {0}`", path.display());
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_if_others_may_read(_: &Path) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_key_opens_what_it_sealed_where_it_sealed_it_and_nothing_else() {
        let vault = Vault::new(&[7; KEY_BYTES]);
        let (key, wrapped) = vault.new_data_key("delivery/1");
        let sealed = key.seal(b"max@music.com", b"here");
        let again = vault.unwrap("delivery/1", &wrapped).unwrap();

        assert_eq!(again.open(&sealed, b"here").unwrap(), b"max@music.com");
        assert_eq!(again.open(&sealed, b"elsewhere"), Err(CannotOpen));
        assert!(!sealed.windows(3).any(|bytes| bytes == b"max"));
        assert!(vault.unwrap("delivery/2", &wrapped).is_err(), "a wrapped key belongs to its stream");
        assert!(Vault::new(&[8; KEY_BYTES]).unwrap("delivery/1", &wrapped).is_err());
        for length in 0..wrapped.len() {
            assert!(vault.unwrap("delivery/1", &wrapped[..length]).is_err());
        }
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/master.key");
        assert!(Vault::from_file(&path, false).is_err(), "a missing key is not replaced");
        let made = Vault::from_file(&path, true).unwrap();
        assert_eq!(Vault::from_file(&path, false).unwrap().master_key_id(), made.master_key_id());

        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert!(Vault::from_file(&path, false).unwrap_err().to_string().contains("chmod 600"));
        }
    }

    #[test]
    fn what_an_earlier_master_key_wrapped_is_opened_and_rewrapped() {
        let old = Vault::new(&[7; KEY_BYTES]);
        let both = Vault::from_text(&format!("{},{}", hex::encode([8; 32]), hex::encode([7; 32]))).unwrap();
        let new = Vault::new(&[8; KEY_BYTES]);
        let (key, wrapped) = old.new_data_key("delivery/1");
        let sealed = key.seal(b"max@music.com", b"here");

        assert!(new.unwrap("delivery/1", &wrapped).is_err());
        let rewrapped = both.rewrap("delivery/1", &wrapped).unwrap().expect("another key wrapped it");
        assert_eq!(new.unwrap("delivery/1", &rewrapped).unwrap().open(&sealed, b"here").unwrap(), b"max@music.com");
        assert_eq!(both.rewrap("delivery/1", &rewrapped), Ok(None), "once is enough");
        assert_eq!(both.rewrap("delivery/2", &wrapped), Err(CannotOpen), "a wrapped key belongs to its stream");
        assert!(both.has(old.master_key_id()) && both.has(new.master_key_id()) && !new.has(old.master_key_id()));
    }

    #[test]
    fn a_master_key_is_given_in_base64_or_hexadecimal() {
        let key = [9; KEY_BYTES];
        let id = Vault::new(&key).present.id;
        assert_eq!(Vault::from_text(&hex::encode(key)).unwrap().present.id, id);
        assert_eq!(Vault::from_text(&format!(" {}\n", STANDARD.encode(key))).unwrap().present.id, id);
        for bad in ["", "secret", &hex::encode([1; 31])] {
            assert!(Vault::from_text(bad).is_err());
        }
    }
}
