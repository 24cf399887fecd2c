using System.Diagnostics.CodeAnalysis;
using System.Net;
using Weft.Proxy.Buffers;
using Weft.Proxy.Security;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Transport;

/// <summary>A TLS stream: OpenSSL on the socket itself (SSL_set_fd), driven by the loop.</summary>
/// <remarks>
/// SSL_set_fd and not memory BIOs: one read(2) and one write(2) per message either way, but without the two extra copies of every ciphertext byte and without three more native
/// calls per message; and the buffers are OpenSSL's own, which SSL_MODE_RELEASE_BUFFERS gives back while the connection is idle (a memory BIO keeps the largest it ever
/// had). With read-ahead a whole record, or several small ones, come with one read(2); without it each costs two (header, body).
/// That the socket is drained after a short read is known from the read BIO's byte count: read-ahead asks for more than <see cref="ReadAheadBytes"/> when nothing is buffered.
/// What SSL_write has not taken when the socket is full is kept here until it has (OpenSSL wants the same bytes again), so callers see a plain byte stream: what was
/// answered as written is this channel's to deliver.
/// </remarks>
internal sealed class TlsChannel : SocketChannel
{
    private const int RecordBytes = 16 << 10;
    private const int ReadAheadBytes = 16 << 10;
    private const int LingerReads = 16; // of 16 KiB per event
    private const int ReasonUnexpectedEof = 294;
    private const int ReasonFirstAlert = 1000; // SSL_R_SSLV3_ALERT_*, SSL_R_TLSV1*_ALERT_*: 1000 + the alert's number

    private readonly TlsContext _context;
    private readonly string _serverName; // empty on the accepting side
    private nint _ssl;
    private nint _readBio;
    private ulong _received;       // ciphertext bytes by the end of the last read
    private bool _buffered;        // OpenSSL holds bytes that were read from the socket
    private bool _recordsBuffered; // and trying to read them may give something
    private bool _readNeedsSpace;  // SSL_read wants to write (a key update's answer)
    private ByteBuffer? _unsent;   // plaintext that SSL_write must be given again
    private bool _ended;
    private bool _torn;            // OpenSSL failed: it must not be asked for close_notify
    private bool _shutdownWanted;
    private bool _shutdownSent;
    private bool _gotBytes;

    [SetsRequiredMembers]
    private TlsChannel(Worker worker, IPEndPoint remote, TlsContext context, string serverName, IChannelHandler handler) : base(worker, remote)
    {
        Handler = handler;
        _context = context;
        _serverName = serverName;
    }

    protected override bool MayRead => SocketReadable || _recordsBuffered;

    internal static TlsChannel Connect(Worker worker, IPEndPoint remote, ClientTls tls, string serverName, TimeSpan timeout, in ConnectOptions options, IChannelHandler handler)
    {
        var channel = new TlsChannel(worker, remote, tls, serverName, handler);
        channel.StartConnecting(timeout, options);
        return channel;
    }

    internal static TlsChannel Accept(Worker worker, int fd, IPEndPoint remote, IPEndPoint? local, ReadyEvents? seen, IAcceptGate? gate, ServerTls tls,
        TimeSpan timeout, IChannelHandler handler)
    {
        var channel = new TlsChannel(worker, remote, tls, "", handler);
        channel.Adopt(fd, local, seen, gate);
        channel.SetDeadline(timeout);
        return channel;
    }

    public override IoStatus Read(Span<byte> into, out int read)
    {
        read = 0;
        if (into.IsEmpty) throw new ArgumentException("room for at least one byte is needed: an empty read looks like the end", nameof(into));
        if (State != Phase.Open) return IoStatus.Failed;
        if (_ended) return IoStatus.EndOfStream;
        if (!MayRead) return WaitToRead();
        var count = OpenSsl.Read(_ssl, into);
        if (count <= 0) return ReadFailed(count, Errno.LastOfHotCall);
        NoteReceived();
        if (!_gotBytes)
        {
            _gotBytes = true;
            _context.KeepSession(_ssl, Remote, _serverName); // TLS 1.3 tickets come before the first application byte
        }
        read = count;
        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    /// <remarks>What OpenSSL gives here it gives again to the next read, so it counts as buffered.</remarks>
    public override IoStatus Peek(Span<byte> into, out int count)
    {
        count = 0;
        if (State != Phase.Open) return IoStatus.Failed;
        if (_ended) return IoStatus.EndOfStream;
        if (!MayRead) return WaitToRead();
        var peeked = OpenSsl.Peek(_ssl, into);
        if (peeked <= 0) return ReadFailed(peeked, Errno.LastOfHotCall);
        NoteReceived();
        AwaitsRead = true;
        count = peeked;
        return IoStatus.Ok;
    }

    public override IoStatus Write(ReadOnlySpan<byte> from, out int written)
    {
        written = 0;
        if (State != Phase.Open) return IoStatus.Failed;
        if (from.IsEmpty) return IoStatus.Ok;
        if (_unsent is not null)
        {
            var status = SendUnsent();
            if (status != IoStatus.Ok) return status;
        }
        if (!SocketWritable) return WaitToWrite();
        while (written < from.Length)
        {
            var record = from.Slice(written, Math.Min(RecordBytes, from.Length - written));
            var count = OpenSsl.Write(_ssl, record);
            if (count > 0)
            {
                written += count;
                continue;
            }
            if (!IsBlocked(count, Errno.LastOfHotCall, out var failed)) return failed;
            _unsent = Worker.Buffers.Rent();
            _unsent.TryAppend(record);
            written += record.Length;
            break;
        }
        return IoStatus.Ok;
    }

    public override IoStatus Write(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, out int written)
    {
        if (second.IsEmpty) return Write(first, out written);
        if (first.IsEmpty) return Write(second, out written);
        if (first.Length >= RecordBytes) return Write(first, out written);
        // One record and one system call for both; the copy of a head is cheaper than either.
        var joined = Worker.Scratch.AsSpan(0, Math.Min(RecordBytes, first.Length + second.Length));
        first.CopyTo(joined);
        second[..(joined.Length - first.Length)].CopyTo(joined[first.Length..]);
        return Write(joined, out written);
    }

    public override CertificateDetails? DescribePeer(out CertificateInfo? own)
    {
        own = _context.Certificate;
        return State == Phase.Open ? _context.DetailsOf(_ssl) : null;
    }

    public override void ShutdownWrite()
    {
        if (State != Phase.Open || _shutdownSent) return;
        _shutdownWanted = true;
        if (_unsent is null) SendShutdown();
    }

    public override void Close()
    {
        if (State != Phase.Open || _torn)
        {
            base.Close();
            return;
        }
        if (_unsent is not null)
        {
            // Accepted bytes are not dropped because their user was done: they go out first, within the worker's linger time.
            _shutdownWanted = !_shutdownSent;
            StartLingering();
            return;
        }
        if (!_shutdownSent) CloseNotify();
        base.Close();
    }

    protected override void OnConnected()
    {
        State = Phase.Handshaking;
        _ssl = _context.Open(Fd, Remote, _serverName);
        _readBio = OpenSsl.SSL_get_rbio(_ssl);
        ContinueHandshake();
    }

    protected override void OnHandshakeEvents()
    {
        if (_ssl != 0) ContinueHandshake();
    }

    protected override bool OnSocketWritable()
    {
        if (_readNeedsSpace)
        {
            _readNeedsSpace = false;
            _recordsBuffered = true;
        }
        if (_unsent is null)
        {
            if (_shutdownWanted) SendShutdown();
            return true;
        }
        // A failure here is nobody's answer: the handler was told before that these bytes are written.
        var status = SendUnsent();
        if (status == IoStatus.Failed) Handler.OnFailed(this);
        return status == IoStatus.Ok;
    }

    protected override void OnLingerEvents()
    {
        if (_unsent is not null && SocketWritable)
        {
            SetDeadline(Worker.Settings.CloseLinger); // a peer that takes bytes, however slowly, gets them all
            if (SendUnsent() != IoStatus.Ok) return;
        }
        if (_unsent is not null) return;
        if (_shutdownWanted && SocketWritable) SendShutdown();
        // Until the peer ends: closing with unread bytes would reset, and the reset may overtake what we sent. Who goes on sending is not waited for.
        for (var left = LingerReads; left > 0; left--)
        {
            var count = Socket.Receive(Fd, Worker.Scratch);
            if (count > 0) continue;
            if (count < 0 && Errno.LastOfHotCall is Errno.Again or Errno.Interrupted) return;
            break;
        }
        CloseSocket(reset: false);
    }

    protected override (ChannelFailure Failure, string Text) DeadlinePassed() => State == Phase.Connecting
        ? base.DeadlinePassed()
        : (ChannelFailure.TlsTimeout, "TLS handshake timed out");

    protected override void Release()
    {
        if (_unsent is not null)
        {
            Worker.Buffers.Return(_unsent);
            _unsent = null;
        }
        if (_ssl == 0) return;
        OpenSsl.SSL_free(_ssl);
        _ssl = 0;
    }

    private void ContinueHandshake()
    {
        var result = OpenSsl.SSL_do_handshake(_ssl);
        var errno = Errno.LastOfHotCall;
        if (result == 1)
        {
            FinishHandshake();
            return;
        }
        switch (OpenSsl.SSL_get_error(_ssl, result))
        {
            case OpenSsl.ErrorWantRead or OpenSsl.ErrorWantWrite:
                return;
            case OpenSsl.ErrorSystemCall:
                OpenSslCrypto.TakeError();
                Fail(ChannelFailure.TlsHandshake, errno == 0 ? "connection closed in the TLS handshake" : Errno.Text(errno) + " in the TLS handshake");
                return;
            default:
                FailHandshake();
                return;
        }
    }

    private void FinishHandshake()
    {
        Peer = _context.PeerOf(_ssl, out var refusal);
        if (refusal is not null)
        {
            Fail(ChannelFailure.TlsIdentity, refusal);
            return;
        }
        _buffered = _recordsBuffered = OpenSsl.SSL_has_pending(_ssl) != 0;
        _received = OpenSslCrypto.BIO_number_read(_readBio);
        SocketReadable = true; // the handshake's own reads do not say whether more lies behind them
        BecomeOpen();
    }

    private void FailHandshake()
    {
        _torn = true;
        var (reason, text) = TlsContext.HandshakeError(_ssl);
        if (reason == ReasonUnexpectedEof)
        {
            Fail(ChannelFailure.TlsHandshake, "connection closed in the TLS handshake");
            return;
        }
        // OpenSSL has sent the alert that says why. Closing now, with bytes of the peer unread, would reset the connection and could take the alert away from it.
        Socket.ShutdownWrite(Fd);
        StartLingering();
        Fail(ChannelFailure.TlsHandshake, text);
        if (State == Phase.Lingering) OnLingerEvents();
    }

    private void NoteReceived()
    {
        var before = _buffered;
        _buffered = _recordsBuffered = OpenSsl.SSL_has_pending(_ssl) != 0;
        var received = OpenSslCrypto.BIO_number_read(_readBio);
        if (!before && !ReadsToTheEnd && received - _received < ReadAheadBytes) SocketReadable = false;
        _received = received;
    }

    private IoStatus ReadFailed(int result, int errno)
    {
        switch (OpenSsl.SSL_get_error(_ssl, result))
        {
            case OpenSsl.ErrorWantRead:
                _buffered = OpenSsl.SSL_has_pending(_ssl) != 0; // part of a record
                _received = OpenSslCrypto.BIO_number_read(_readBio);
                _recordsBuffered = false;
                SocketReadable = false;
                return WaitToRead();
            case OpenSsl.ErrorWantWrite:
                _recordsBuffered = false;
                SocketReadable = SocketWritable = false;
                _readNeedsSpace = true;
                return WaitToRead();
            case OpenSsl.ErrorZeroReturn:
                _ended = true;
                return IoStatus.EndOfStream;
            case OpenSsl.ErrorSystemCall:
                _torn = true;
                OpenSslCrypto.TakeError();
                return errno == 0 ? FailIo(ChannelFailure.Truncated, "connection closed without close_notify") : FailIo(errno);
            default:
                _torn = true;
                var (reason, text) = OpenSslCrypto.TakeError();
                if (reason == ReasonUnexpectedEof) return FailIo(ChannelFailure.Truncated, "connection closed without close_notify");
                // A TLS 1.3 server judges the client's certificate after the client has finished: its alert comes with the first read.
                return FailIo(reason >= ReasonFirstAlert && !_gotBytes ? ChannelFailure.TlsHandshake : ChannelFailure.Other, text ?? "TLS failed");
        }
    }

    private IoStatus SendUnsent()
    {
        while (_unsent is { IsEmpty: false })
        {
            if (!SocketWritable) return WaitToWrite();
            var count = OpenSsl.Write(_ssl, _unsent.Readable);
            if (count > 0) _unsent.Consume(count);
            else if (!IsBlocked(count, Errno.LastOfHotCall, out var failed)) return failed;
        }
        Worker.Buffers.Return(_unsent!);
        _unsent = null;
        if (_shutdownWanted) SendShutdown();
        return IoStatus.Ok;
    }

    /// <summary>True when SSL_write waits for the socket; else the connection is broken and closed.</summary>
    private bool IsBlocked(int result, int errno, out IoStatus failed)
    {
        failed = IoStatus.Failed;
        switch (OpenSsl.SSL_get_error(_ssl, result))
        {
            case OpenSsl.ErrorWantWrite:
                SocketWritable = false;
                return true;
            case OpenSsl.ErrorSystemCall:
                _torn = true;
                OpenSslCrypto.TakeError();
                failed = FailIo(errno);
                return false;
            default:
                _torn = true;
                failed = FailIo(ChannelFailure.Other, OpenSslCrypto.TakeError().Text ?? "TLS failed");
                return false;
        }
    }

    private void SendShutdown()
    {
        if (!_torn && !CloseNotify()) return; // again when there is space
        _shutdownWanted = false;
        _shutdownSent = true;
        Socket.ShutdownWrite(Fd);
    }

    /// <summary>False when the socket has no room for it now. Called once more only then: a second SSL_shutdown would read, and take the peer's bytes for errors.</summary>
    private bool CloseNotify()
    {
        var result = OpenSsl.SSL_shutdown(_ssl);
        if (result >= 0) return true;
        if (OpenSsl.SSL_get_error(_ssl, result) == OpenSsl.ErrorWantWrite)
        {
            SocketWritable = false;
            return false;
        }
        OpenSslCrypto.TakeError();
        return true;
    }

    private IoStatus WaitToRead()
    {
        AwaitsRead = true;
        return IoStatus.WouldBlock;
    }

    private IoStatus WaitToWrite()
    {
        AwaitsWrite = true;
        return IoStatus.WouldBlock;
    }
}
