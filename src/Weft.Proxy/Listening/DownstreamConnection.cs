using System.Buffers;
using System.Collections.Immutable;
using System.Net;
using System.Text;
using Weft.Identity;
using Weft.Proxy.Configuration;
using Weft.Proxy.Pipelines;
using Weft.Proxy.ProxyProtocol;
using Weft.Proxy.Transport;
using Weft.Routing.Access;
using Weft.Routing.Listeners;
using Weft.Routing.Protocols;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Listening;

/// <summary>What is known of an accepted connection and stays true for all its requests: where it came in, and who is at its other end.</summary>
internal sealed class DownstreamConnection(WorkerContext context, string listenerName, TrafficDirection direction, BoundChain chain)
{
    private readonly long _openedMs = context.Worker.NowMs;
    private static readonly IPEndPoint Nowhere = new(IPAddress.None, 0);
    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-.");

    private bool _sourceTold;
    private string? _source;
    private EdgeSeries? _edge;
    private EdgeKey _edgeKey;
    private bool _superseded;
    private AccessFacts? _facts;
    private ImmutableArray<NetworkRbac> _judged = chain.Access; // under which it was let in
    private readonly ConfigMap<BoundListener> _began = context.Config.Current.Listeners;
    private Channel? _channel;
    private ConnectionEnds? _ends;
    private byte[]? _clientCertificate;
    private ClientCertDetails _clientCertificateDetails;
    private int _requests;
    private DateTimeOffset? _certificatesEnd;

    public string ListenerName { get; } = listenerName;

    /// <summary>The chain that requests are served under; follows the configuration while a successor exists.</summary>
    public BoundChain Chain { get; private set; } = chain;

    public ConnectionLimits Limits => Chain.Limits;

    /// <summary>A forward proxy, and nobody has been connected by it yet: CONNECT inside of CONNECT is not served.</summary>
    public bool TakesConnect => Chain.Http.Routes is RouteSource.ForwardProxy && ConnectTarget is null;

    /// <summary>A connection inside of this one, made by CONNECT over a protocol that has many streams.</summary>
    public DownstreamConnection Inside(ConnectTarget target) => new(context, ListenerName, direction, Chain) { ConnectTarget = target, Addresses = Addresses };

    public Direction Direction { get; } = direction == TrafficDirection.Inbound ? Direction.Inbound : Direction.Outbound;

    /// <summary>Why its requests are not served although it was accepted (a connection limit); null when they are.</summary>
    public string? Refusal { get; init; }

    /// <summary>Why its chain's rules of access would not let it in any more; null while they would. Requests that come now are denied.</summary>
    public string? Withdrawn { get; private set; }

    /// <summary>The host name in a ClientHello that passes through; empty without one, and where the handshake is made here.</summary>
    public string RequestedServerName { get; init; } = "";

    /// <summary>It is the application beside the proxy that calls: a drain leaves it for last.</summary>
    public bool IsOutbound { get; } = direction == TrafficDirection.Outbound;

    /// <summary>Set once the client has asked for a connection by CONNECT: its requests come from inside of it.</summary>
    public ConnectTarget? ConnectTarget { get; set; }

    public TlsPeer? Peer { get; private set; }

    /// <summary>Whose connection it is and where it was meant to go; null where that is what the socket says.</summary>
    public ConnectionAddresses? Addresses { get; init; }

    /// <summary>The client: as a trusted proxy in front tells, else the socket's peer.</summary>
    public IPEndPoint Remote => Addresses?.Client ?? DirectRemote;

    /// <summary>The socket's peer, which may be a proxy in front.</summary>
    public IPEndPoint DirectRemote => Addresses?.Peer ?? _channel?.Remote ?? Nowhere;

    /// <summary>What the client wanted to reach: before redirects and proxies in front, as far as they tell; else the socket's own address.</summary>
    public IPEndPoint Destination => Addresses?.Destination ?? _channel?.Local ?? Nowhere;

    /// <summary>The client and its destination, for those who are told of them; made once.</summary>
    public ConnectionEnds Ends => _ends ??= new ConnectionEnds(Remote, Destination);

    /// <summary>The destination where it is not this listener itself; else null.</summary>
    public IPEndPoint? OriginalDestination => Addresses is { IsElsewhere: true } addresses ? addresses.Destination : null;

    /// <summary>The client has proved a mesh identity and is a Weft proxy: what it says in <c>x-weft-*</c> is believed.</summary>
    public bool IsMesh { get; private set; }

    /// <summary>The client has shown a certificate that was verified.</summary>
    public bool HasClientCertificate => Peer?.NotAfter is not null;

    /// <summary>TLS that the client itself asked for, not the mesh's between two proxies.</summary>
    public bool IsApplicationTls => Peer is not null && !IsMesh;

    /// <summary>What <c>x-forwarded-client-cert</c> says of this client, as the chain wants it told; made once.</summary>
    public ReadOnlySpan<byte> ClientCertificate
    {
        get
        {
            var details = Chain.Http.ClientCertDetails;
            if (_clientCertificate is not null && _clientCertificateDetails == details) return _clientCertificate;
            _clientCertificateDetails = details;
            return _clientCertificate = _channel?.DescribePeer(out var own) is { } peer ? ForwardedClientCert.Element(peer, own, details) : [];
        }
    }

    /// <summary>Nothing has been agreed on, so that the client's first bytes tell whether it speaks HTTP/2.</summary>
    public bool MayBeHttp2 => Chain.Http.Codec == HttpCodec.Auto && (Peer is null || Peer.Alpn.Length == 0 || ConnectTarget is not null);

    public ChannelSecurity Security => Peer?.SpiffeId is not null ? ChannelSecurity.Mtls : ChannelSecurity.None;

    /// <summary>The connection takes no request after the one at hand: a drain, a limit, its age, its certificate's end, or a chain that is gone.</summary>
    public bool IsEnding =>
        Refusal is not null || Withdrawn is not null || context.Draining > (IsOutbound ? DrainScope.Inbound : DrainScope.None) || _superseded || _requests >= Chain.MaxRequests || context.Worker.NowMs - _openedMs >= MaxAgeMs
        || _certificatesEnd is { } end && context.Worker.Time.GetUtcNow() >= end;

    /// <summary>When its age or a certificate, the peer's or the own, ends it, on the worker's clock; <see cref="long.MaxValue"/>: never. Known once it is open.</summary>
    public long EndsMs { get; private set; } = long.MaxValue;

    /// <summary>Its chain is gone, or has another TLS configuration.</summary>
    public bool IsSuperseded => _superseded;

    /// <summary>When a certificate, the peer's or the own, ends what was proved, on the worker's clock; <see cref="long.MaxValue"/> without any.</summary>
    public long CertificatesEndMs => _certificatesEnd is { } end ? context.Worker.NowMs + (long)(end - context.Worker.Time.GetUtcNow()).TotalMilliseconds : long.MaxValue;

    /// <summary>A mesh connection lives at most one hour.</summary>
    private long MaxAgeMs => Peer?.SpiffeId is not null ? Math.Min(Limits.MaxDurationMs, 3_600_000) : Limits.MaxDurationMs;

    /// <summary>Once; not again when HTTP/2 takes the channel over from HTTP/1.</summary>
    public void Opened(Channel channel)
    {
        if (_channel is not null) return;
        _channel = channel;
        Peer = channel.Peer;
        IsMesh = Peer is { SpiffeId: not null } peer && peer.Alpn.StartsWith(Binder.MeshAlpnPrefix, StringComparison.Ordinal);
        _certificatesEnd = Earlier(Peer?.NotAfter, Chain.Tls?.Certificate?.IdentityEnd);
        if (MaxAgeMs != ConnectionLimits.None) EndsMs = _openedMs + MaxAgeMs;
        EndsMs = Math.Min(EndsMs, CertificatesEndMs);
        // It was let in before it was known what it is, which may have taken a while: nobody has told it what changed meanwhile.
        if (!ReferenceEquals(_began, context.Config.Current.Listeners))
        {
            Follow(context.Config.Current);
            IsWithdrawnNow();
        }
        context.Metrics.ConnectionOpened(Direction, ConnectionSide.Downstream, Security);
    }

    private static DateTimeOffset? Earlier(DateTimeOffset? a, DateTimeOffset? b) => a is null || b < a ? b ?? a : a;

    public void CountRequest() => _requests++;

    public void Closed() => context.Metrics.ConnectionClosed(Direction, ConnectionSide.Downstream, Security);

    /// <summary>Moves to the chain that <paramref name="config"/> has for this connection. One whose chain vanished or whose TLS settings changed keeps
    /// what it has and drains; a renewed certificate alone is no reason.</summary>
    public void Follow(ProxyConfig config)
    {
        if (config.Listeners.Find(ListenerName)?.Successor(Chain) is { } successor) Chain = successor;
        else _superseded = true;
    }

    /// <summary>Holds it against its chain's rules of access before anything is served, once its handshake is done. Counted and said.</summary>
    public bool IsPermitted(Channel channel) => Judge(FactsOf(channel));

    /// <summary>The same for plaintext, which has no handshake.</summary>
    public bool IsPermitted(AcceptedSocket socket) => Judge(_facts ??= Facts(socket.Remote, socket.Local, RequestedServerName, peer: null));

    /// <summary>True once, when the rules of its chain have changed and would not let it in any more. The same rules sent again are new rules that still do.</summary>
    public bool IsWithdrawnNow()
    {
        if (Withdrawn is not null || _channel is null || Chain.Access == _judged) return false;
        _judged = Chain.Access;
        Withdrawn = context.Admission.Access.Withdraws(Chain, FactsOf(_channel), ListenerName);
        return Withdrawn is not null;
    }

    private bool Judge(AccessFacts facts)
    {
        _judged = Chain.Access;
        return _judged.IsEmpty || context.Admission.Access.Permits(Chain, facts, ListenerName);
    }

    private AccessFacts FactsOf(Channel channel) => _facts ??= Facts(
        channel.Remote, channel.Local, channel.Peer?.ServerName ?? RequestedServerName,
        channel.DescribePeer(out _) is { } peer ? new PeerNames(peer.Uris, peer.DnsNames, peer.Subject) : null);

    private AccessFacts Facts(IPEndPoint remote, IPEndPoint local, string serverName, PeerNames? peer) => new()
    {
        DirectRemote = (Addresses?.Peer ?? remote).Address,
        Remote = (Addresses?.Client ?? remote).Address,
        Destination = Addresses?.Destination ?? local,
        ServerName = serverName,
        Peer = peer,
    };

    /// <summary>The calling service as the peer's proxy names it in <c>x-weft-source</c>, <c>namespace/name[@version]</c>. The first request's word holds for
    /// the connection, and only in the namespace that the peer's certificate proves: a workload cannot appear as another, nor invent series.</summary>
    public string? SourceOf(ReadOnlySpan<byte> field)
    {
        if (_sourceTold) return _source;
        _sourceTold = true;
        var at = field.IndexOf((byte)'@');
        var name = Encoding.ASCII.GetString(at < 0 ? field : field[..at]);
        if (SpiffeId.TryParse(Peer?.SpiffeId, out var id, out _) && id.TryGetServiceAccount(out var ns, out _) && name.StartsWith(ns + "/", StringComparison.Ordinal)
            && name.AsSpan(ns.Length + 1).IndexOfAnyExcept(NameCharacters) < 0) _source = name;
        return _source;
    }

    /// <summary>The recorder for requests of this connection; the last edge is remembered, because most connections know only one.</summary>
    public EdgeSeries SeriesOf(in EdgeKey key)
    {
        if (_edge is not null && _edgeKey == key) return _edge; // equal texts are nearly always the same objects: a handful of comparisons
        _edgeKey = key;
        return _edge = context.Metrics.For(key);
    }
}

/// <summary>Where a client wanted to be connected to.</summary>
/// <param name="Authority">Host and port as it wrote them.</param>
/// <param name="Port">1 to 65535.</param>
internal sealed record ConnectTarget(byte[] Authority, ushort Port)
{
    /// <param name="authority">Host and port, as the request's parser has found them to be.</param>
    public static ConnectTarget Parse(ReadOnlySpan<byte> authority) =>
        new(authority.ToArray(), Http1.Authority.TryParse(authority, out var parts) && parts.Port > 0 ? (ushort)parts.Port : throw new ArgumentException("no host:port", nameof(authority)));
}
