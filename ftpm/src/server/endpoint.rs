//! Where a server listens, and a connection to it: TCP or a Unix stream socket.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::Shutdown;

/// A place to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A Unix stream socket.
    Unix {
        /// Its place in the file system.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// Its owner, where that is to be another.
        owner: Option<u32>,
        /// Its group, where that is to be another.
        group: Option<u32>,
    },
}

impl Endpoint {
    /// A TCP port that only this machine reaches.
    pub fn local_port(port: u16) -> Self {
        Self::Tcp(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// A Unix socket that only this user reaches.
    pub fn private_socket(path: impl Into<PathBuf>) -> Self {
        Self::Unix { path: path.into(), mode: 0o600, owner: None, group: None }
    }

    /// Who can reach it, as a clause.
    pub fn who_can_reach_it(&self) -> String {
        match self {
            Self::Tcp(address) if address.ip().is_loopback() => {
                "every user and program on this machine can use it".into()
            }
            Self::Tcp(_) => "EVERYONE WHO REACHES THIS MACHINE'S NETWORK can use it".into(),
            Self::Unix { mode, .. } if mode & 0o077 == 0 => "only this user can use it".into(),
            Self::Unix { mode, .. } => format!("whom its permissions ({mode:o}) let in can use it"),
        }
    }

    /// Listens there. A socket file that nobody listens at any more makes way.
    ///
    /// # Errors
    /// The place is taken or not allowed.
    pub fn listen(&self) -> Result<Listener> {
        match self {
            Self::Tcp(address) => {
                let listener = TcpListener::bind(address)
                    .with_context(|| format!("cannot listen at {address}; choose another port"))?;
                Ok(Listener::Tcp(listener))
            }
            Self::Unix { path, mode, owner, group } => {
                make_way(path)?;
                let listener = UnixListener::bind(path)
                    .with_context(|| format!("cannot make the socket {}", path.display()))?;
                fs::set_permissions(path, fs::Permissions::from_mode(*mode))?;
                if owner.is_some() || group.is_some() {
                    std::os::unix::fs::lchown(path, *owner, *group)
                        .with_context(|| format!("cannot change the owner of {}", path.display()))?;
                }
                Ok(Listener::Unix(listener, path.clone()))
            }
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix { path, .. } => write!(f, "{}", path.display()),
        }
    }
}

/// Listens; the socket's file goes with it.
#[derive(Debug)]
pub enum Listener {
    /// At a TCP port.
    Tcp(TcpListener),
    /// At a Unix socket.
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Waits for a connection.
    ///
    /// # Errors
    /// The connection failed, or [`Self::close`] was called.
    pub fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                // An answer is one write: waiting for more to send with it would only delay it.
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Self::Unix(listener, _) => Ok(Stream::Unix(listener.accept()?.0)),
        }
    }

    /// The port, where it is one. It was chosen by the system where port 0 was asked for.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok().map(|address| address.port()),
            Self::Unix(..) => None,
        }
    }

    /// Ends a waiting [`Self::accept`], from another thread.
    pub fn close(&self) {
        let _ = match self {
            Self::Tcp(listener) => rustix::net::shutdown(listener, Shutdown::Both),
            Self::Unix(listener, _) => rustix::net::shutdown(listener, Shutdown::Both),
        };
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            let _ = fs::remove_file(path);
        }
    }
}

/// A connection.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
}

impl Stream {
    /// Connects to a socket's path, or to `host:port`.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn connect(address: &str) -> io::Result<Self> {
        if !address.contains('/')
            && let Some((host, port)) = address.rsplit_once(':')
            && let Ok(port) = port.parse::<u16>()
        {
            let stream = match host.parse::<IpAddr>() {
                Ok(ip) => TcpStream::connect((ip, port))?,
                Err(_) => TcpStream::connect((host, port))?,
            };
            stream.set_nodelay(true)?;
            return Ok(Self::Tcp(stream));
        }
        UnixStream::connect(address).map(Self::Unix)
    }

    /// Ends both directions; a thread that reads wakes up.
    pub fn close(&self) {
        self.shut(std::net::Shutdown::Both);
    }

    /// Nothing more will be sent.
    pub fn finish_sending(&self) {
        self.shut(std::net::Shutdown::Write);
    }

    /// The same connection for another thread.
    ///
    /// # Errors
    /// The system has no descriptor left.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
            Self::Unix(stream) => Self::Unix(stream.try_clone()?),
        })
    }

    fn shut(&self, how: std::net::Shutdown) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Unix(stream) => stream.shutdown(how),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(bytes),
            Self::Unix(stream) => {
                // A thread that waits in read is woken a second time for each command, when the client takes the
                // answer and there is room to write again. One that polls for input is not.
                poll(&mut [PollFd::new(stream, PollFlags::IN)], None)?;
                stream.read(bytes)
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Removes a socket that nobody listens at.
fn make_way(path: &Path) -> Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.file_type().is_socket() {
        bail!("{} is there and is no socket; choose another path", path.display());
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).with_context(|| format!("cannot remove the old socket {}", path.display()))
        }
        _ => bail!("another program listens at {}; end it or choose another path", path.display()),
    }
}
