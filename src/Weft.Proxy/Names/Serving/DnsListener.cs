using System.Net;
using Weft.Proxy.Names.Dns;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.Routing.Listeners;
using SocketAddress = Weft.Proxy.Transport.SocketAddress;

namespace Weft.Proxy.Names.Serving;

/// <summary>
/// One worker's end of a listener for names: a socket of datagrams, and one for connections on the same address (RFC 7766 section 5: every server speaks both). Who answers is looked up in
/// the current configuration each time, so a new version needs no visit here.
/// </summary>
internal sealed class DnsListener : IEventSource, IAcceptHandler, IReplyPath
{
    /// <summary>Longest question that is read. Names have 255 bytes; the rest is for EDNS options, which are skipped.</summary>
    public const int MaxQueryBytes = 4096;

    private readonly WorkerContext _context;
    private readonly string _name;
    private readonly DnsServices _services;
    private readonly ListeningSocket _stream;
    private readonly Overload.Admission.ListenerAdmission _admission;
    private readonly byte[] _query = new byte[MaxQueryBytes];
    private readonly byte[] _response = new byte[ushort.MaxValue];
    private readonly int _fd;
    private readonly IPEndPoint _self;
    private Resolver _resolver;
    private SocketAddress _client;
    private bool _closed;

    /// <summary>On the worker's thread.</summary>
    /// <param name="listener">It is one for names.</param>
    /// <param name="address">With port 0, the system chooses one that both sockets can have.</param>
    /// <param name="options">As for every listening socket.</param>
    /// <exception cref="SocketException">The address cannot be bound.</exception>
    public DnsListener(WorkerContext context, Listener listener, IPEndPoint address, ListenOptions options, DnsServices services)
    {
        (_context, _name, _services) = (context, listener.Name, services);
        _admission = context.Admission.For(listener.Name);
        _stream = context.Worker.Listen(address, options, this);
        try
        {
            _fd = Open(_stream.Local, options);
        }
        catch
        {
            _stream.Close();
            throw;
        }
        // The same address in another namespace is somebody else's.
        _self = options.NetworkNamespace.Length > 0 ? new IPEndPoint(IPAddress.None, 0) : Local;
        _resolver = new Resolver(context, listener.Dns!, () => services.Machine.Current, _self, services.Metrics);
    }

    /// <summary>The bound address; its port is the real one when 0 was asked for.</summary>
    public IPEndPoint Local => _stream.Local;

    /// <summary>By the configuration as it is now; as it last was, once the listener is withdrawn.</summary>
    public Resolver Resolver
    {
        get
        {
            // Questions under way end where they began: with another resolver's answer, by the settings of then.
            if (_context.Config.Current.Listeners.Find(_name)?.Listener.Dns is { } server && !ReferenceEquals(server, _resolver.Server))
                _resolver = new Resolver(_context, server, () => _services.Machine.Current, _self, _services.Metrics);
            return _resolver;
        }
    }

    /// <summary>Room for one response of this worker.</summary>
    public Span<byte> ResponseRoom => _response;

    public void Close()
    {
        if (_closed) return;
        _closed = true;
        _stream.CloseAfterBacklog();
        _context.Worker.Poll.Forget(_fd);
        Socket.Close(_fd);
    }

    public int MaxBytes(in DnsQuery query) => Math.Clamp(query.PayloadBytes, DnsQuery.PlainPayloadBytes, _resolver.Server.MaxDatagramBytes);

    public void Reply(ReadOnlySpan<byte> response, in SocketAddress client)
    {
        // What cannot be sent is lost, as any datagram may be, and asked for again.
        if (!_closed) _ = Datagrams.SendTo(_fd, response, client);
    }

    public void OnAccepted(AcceptedSocket socket)
    {
        if (_admission.Refuse() is not null) socket.Close();
        else socket.Plain(new DnsConnection(this, _context.Worker));
    }

    /// <summary>Level-triggered: what a bounded batch leaves is told again, and other sources get their turn.</summary>
    void IEventSource.OnEvents(ReadyEvents events)
    {
        for (var left = _context.Worker.Settings.AcceptBatch; left > 0 && !_closed; left--)
        {
            var length = (int)Datagrams.ReceiveFrom(_fd, _query, ref _client);
            if (length < 0) return; // nothing is left; or an error of an earlier answer's, which is told once and is nobody's here
            if (length > MaxQueryBytes) _services.Metrics.Ended(DnsOutcome.Dropped, 0);
            else Answer(_query.AsSpan(0, length));
        }
    }

    void IEventSource.Contain(Exception exception) => _context.Worker.Report("dns", ((IEventSource)this).Describe(), exception); // one datagram's; the next may be better

    string IEventSource.Describe() => $"names on {Local}";

    void IEventSource.CloseQuietly()
    {
        if (_closed) return;
        _closed = true;
        _stream.Close();
        _context.Worker.Poll.Forget(_fd);
        Socket.Close(_fd);
    }

    private void Answer(ReadOnlySpan<byte> message)
    {
        var length = Resolver.Handle(message, this, _client, _response);
        if (length > 0) _ = Datagrams.SendTo(_fd, _response.AsSpan(0, length), _client);
    }

    private int Open(IPEndPoint address, ListenOptions options)
    {
        var fd = options.NetworkNamespace.Length > 0 ? NetworkNamespace.Open(options.NetworkNamespace).Create(address, datagrams: true) : Datagrams.TryCreate(address);
        if (fd < 0) throw Errno.Exception("socket");
        try
        {
            if (!Socket.SetOption(fd, Libc.SolSocket, Libc.SoReusePort, 1)) throw Errno.Exception("SO_REUSEPORT");
            if (SocketAddress.FamilyOf(address) == Libc.AfInet6) Socket.SetOption(fd, Libc.IpProtoIpv6, Libc.Ipv6Only, options.DualStack ? 0 : 1);
            Socket.Bind(fd, address);
            _context.Worker.Poll.Add(fd, this, ReadyEvents.Readable);
            return fd;
        }
        catch
        {
            Socket.Close(fd);
            throw;
        }
    }
}
