using System.Collections.Immutable;
using System.Text;
using Weft.Proxy.Detection;
using Weft.Proxy.Http1;
using Weft.Proxy.Http2;
using Weft.Proxy.Security;
using Weft.Routing.Access;
using Weft.Routing.Listeners;
using Weft.Routing.Tcp;

namespace Weft.Proxy.Configuration;

/// <summary>A listener with its chains ready to serve.</summary>
internal sealed class BoundListener
{
    private readonly Dictionary<FilterChain, BoundChain> _byChain;

    public BoundListener(Listener listener, ImmutableArray<BoundChain> chains)
    {
        Listener = listener;
        Chains = chains;
        _byChain = chains.ToDictionary(c => c.Chain);
        Detects = chains.Any(c => c.Chain.Detection is not null);
        TakesTls = chains.Any(c => c.IsTls || c.Chain.Match.TransportProtocol == Detected.Tls || !c.Chain.Match.ServerNames.IsEmpty);
        InspectsHttp = chains.Any(c => c.Chain.Match.TransportProtocol != Detected.Tls && c.Chain.Match.ApplicationProtocols.Any(ProtocolGuess.IsApplicationProtocol));
    }

    public Listener Listener { get; }

    /// <summary>In the listener's order; the default chain, if any, is last.</summary>
    public ImmutableArray<BoundChain> Chains { get; }

    /// <summary>The chain that takes every connection, where there is no other; else null.</summary>
    public BoundChain? Only => Chains.Length == 1 && (Listener.FilterChains.IsEmpty || Chains[0].Chain.Match == FilterChainMatch.Any) ? Chains[0] : null;

    /// <summary>Some chain serves HTTP and bytes.</summary>
    public bool Detects { get; }

    /// <summary>Some chain is one of TLS, whoever ends it.</summary>
    public bool TakesTls { get; }

    /// <summary>Some chain asks what a plaintext client speaks, in the words of Envoy's http_inspector.</summary>
    public bool InspectsHttp { get; }

    public BoundChain? Select(in ConnectionFacts facts) => Listener.Select(facts) is { } chain ? _byChain[chain] : null;

    /// <summary>The chain that a connection accepted under <paramref name="earlier"/> belongs to in this version; null when it has none any more.</summary>
    public BoundChain? Successor(BoundChain earlier)
    {
        foreach (var chain in Chains)
        {
            if (ReferenceEquals(chain, earlier)) return chain;
        }
        foreach (var chain in Chains)
        {
            if (chain.Chain.Name == earlier.Chain.Name && SameKind(chain.Chain, earlier.Chain) && chain.Chain.Match == earlier.Chain.Match && Equals(chain.Chain.Tls, earlier.Chain.Tls)) return chain;
        }
        return null;
    }

    /// <summary>What has begun as HTTP cannot go on as bytes, nor the other way round.</summary>
    private static bool SameKind(FilterChain a, FilterChain b) => (a.Http is null) == (b.Http is null) && (a.Bytes is null) == (b.Bytes is null);
}

/// <summary>One filter chain with the context and the limits that connections of it use, worked out once per version.</summary>
internal sealed class BoundChain
{
    public BoundChain(FilterChain chain, ServerTls? tls)
    {
        Chain = chain;
        Tls = tls;
        if (chain.Http is not { } http) return;
        MaxRequests = http.MaxRequestsPerConnection > 0 ? http.MaxRequestsPerConnection : int.MaxValue;
        Limits = new ConnectionLimits(
            new Http1Limits { MaxHeadBytes = http.MaxRequestHeadersBytes, MaxRequestLineBytes = http.MaxRequestHeadersBytes, MaxFields = http.MaxRequestHeadersCount },
            Ms(http.IdleTimeout), Ms(http.RequestHeadersTimeout), Ms(http.RequestTimeout), Ms(http.StreamIdleTimeout),
            Math.Max(1, Ms(http.DelayedCloseTimeout)), Ms(http.MaxConnectionDuration));
        Http2 = Http2Settings.From(http.Http2, http.MaxRequestHeadersBytes, http.MaxRequestHeadersCount, Limits.StreamIdleMs);
        DefaultHost = Encoding.ASCII.GetBytes(http.DefaultHostForHttp10);
        PathPolicy = new PathPolicy(http.MergeSlashes, http.EscapedSlashes switch
        {
            EscapedSlashesAction.RejectRequest => EscapedSlash.Reject,
            EscapedSlashesAction.UnescapeAndForward => EscapedSlash.Decode,
            EscapedSlashesAction.UnescapeAndRedirect => EscapedSlash.Redirect,
            _ => EscapedSlash.Keep,
        });
    }

    public FilterChain Chain { get; }

    /// <summary>Null for plaintext, and for TLS whose secret has not arrived: see <see cref="IsTls"/>.</summary>
    public ServerTls? Tls { get; }

    public bool IsTls => Chain.Tls is not null;

    /// <summary>How HTTP is spoken; asked for on connections that speak it.</summary>
    public HttpConnectionManager Http => Chain.Http ?? throw new InvalidOperationException($"filter chain '{Chain.Name}' passes bytes on and speaks no HTTP");

    /// <summary>Who may connect.</summary>
    public ImmutableArray<NetworkRbac> Access => Chain.Access;

    /// <summary>Where bytes go; null on a chain of HTTP alone.</summary>
    public ByteRoute? Bytes => Chain.Bytes;

    /// <summary>What follows concerns HTTP; on a chain of bytes alone, whose limits are its route's, it limits nothing.</summary>
    public ConnectionLimits Limits { get; } = ConnectionLimits.Unlimited;

    /// <summary>Of one connection.</summary>
    public int MaxRequests { get; } = int.MaxValue;

    public Http2Settings Http2 { get; } = Http2Settings.Default;

    public PathPolicy PathPolicy { get; } = PathPolicy.Base;

    /// <summary>Host of HTTP/1.0 requests that name none; empty refuses them.</summary>
    public ReadOnlyMemory<byte> DefaultHost { get; }

    private static long Ms(TimeSpan limit) => limit == Timeout.InfiniteTimeSpan ? ConnectionLimits.None : (long)limit.TotalMilliseconds;
}

/// <summary>Limits of one downstream connection, durations in milliseconds; <see cref="None"/> switches one off.</summary>
/// <param name="Http1">Sizes of heads.</param>
/// <param name="IdleMs">Between two requests.</param>
/// <param name="RequestHeadersMs">From a head's first byte to its last.</param>
/// <param name="RequestMs">From a head's first byte to the body's last.</param>
/// <param name="StreamIdleMs">Without a byte in either direction while a request is served.</param>
/// <param name="DelayedCloseMs">How long a closing connection waits for the client to end its direction.</param>
/// <param name="MaxDurationMs">Age after which it drains.</param>
internal sealed record ConnectionLimits(
    Http1Limits Http1, long IdleMs, long RequestHeadersMs, long RequestMs, long StreamIdleMs, long DelayedCloseMs, long MaxDurationMs)
{
    public const long None = long.MaxValue;

    public static ConnectionLimits Unlimited { get; } = new(Http1Limits.Default, None, None, None, None, None, None);
}
