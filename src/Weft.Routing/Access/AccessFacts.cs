using System.Net;
using System.Text;

namespace Weft.Routing.Access;

/// <summary>What access rules may know of a connection. Gathered once, after its handshake, and true for all of its life. IPv4 addresses are never written as IPv6: a rule about
/// 10.0.0.0/8 that a dual-stack socket's spelling escapes would be no rule. Immutable.</summary>
public sealed class AccessFacts
{
    private readonly byte[] _serverName = [];

    /// <summary>The other end of the TCP connection itself.</summary>
    public required IPAddress DirectRemote { get; init; }

    /// <summary>Whose connection it is: <see cref="DirectRemote"/>, unless a trusted PROXY header in front of it named another.</summary>
    public required IPAddress Remote { get; init; }

    /// <summary>Where the client wanted to go: the address that it reached or, of an intercepted connection, the original one.</summary>
    public required IPEndPoint Destination { get; init; }

    /// <summary>The host name that a TLS client asked for (SNI) in lower case; empty without one.</summary>
    public string ServerName
    {
        get => Encoding.UTF8.GetString(_serverName);
        init => _serverName = Encoding.UTF8.GetBytes(value);
    }

    /// <summary>What the client's certificate calls it; null for a client that showed none, or none that was verified.</summary>
    public PeerNames? Peer { get; init; }

    internal ReadOnlySpan<byte> ServerNameUtf8 => _serverName;
}
