using System.Net;

namespace Weft.Proxy.Admin;

/// <summary>Settings of the admin endpoint.</summary>
internal sealed record AdminSettings
{
    /// <summary>Where it listens. Default 127.0.0.1:15020; port 0 asks the system for a free one. Who reaches it can read the configuration and
    /// stop the proxy, so an address that others reach belongs behind something that asks who they are.</summary>
    public IPEndPoint Address { get; init; } = new(IPAddress.Loopback, 15020);

    /// <summary>Connections served at the same time, each by a thread; one more is answered 503. Default 16, at least 1.</summary>
    public int MaxConnections { get; init; } = 16;

    /// <summary>A request's head, and the body that is read past, in bytes. Default 16,384.</summary>
    public int MaxRequestBytes { get; init; } = 16 * 1024;

    /// <summary>How long a connection may rest between requests. Default 60 s.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>From a request's first byte to its last. Default 5 s.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>From a response's first byte to its last: what a client that does not read may cost. Default 30 s.</summary>
    public TimeSpan ResponseTimeout { get; init; } = TimeSpan.FromSeconds(30);
}
