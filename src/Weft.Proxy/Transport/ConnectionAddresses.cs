using System.Net;

namespace Weft.Proxy.Transport;

/// <summary>Whose an accepted connection is, and where it was meant to go. Without interception and without proxies in front it is what the socket says.</summary>
/// <param name="Client">Who wanted the connection: as a trusted proxy in front tells (PROXY protocol), else the socket's peer.</param>
/// <param name="Peer">The socket's peer.</param>
/// <param name="Destination">What the client wanted to reach: as a proxy in front tells, else before a redirect, else the socket's own address.</param>
/// <param name="IsElsewhere">The destination is not the socket's own address: a redirect or a proxy in front brought the connection here.</param>
internal sealed record ConnectionAddresses(IPEndPoint Client, IPEndPoint Peer, IPEndPoint Destination, bool IsElsewhere);
