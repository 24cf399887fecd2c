using System.Net;
using Weft.Routing.Listeners;
using Weft.Routing.Routes;

namespace Weft.Proxy.Detection;

/// <summary>What a connection may turn out to be, and how long that may take.</summary>
/// <param name="Destination">Where its bytes would go, in the words under which verdicts are remembered.</param>
/// <param name="Http">How HTTP is told from bytes; null where a plaintext connection is bytes in any case.</param>
/// <param name="TakesTls">TLS is told from plaintext too.</param>
/// <param name="Timeout">After it a client that has begun a ClientHello and not ended it has sent bytes. The listener's, default 15 s.</param>
internal sealed record UndecidedSettings(string Destination, ProtocolDetection? Http, bool TakesTls, TimeSpan Timeout)
{
    /// <summary>Where TLS may come, how long its hello is waited for before the endpoint is dialled: a client sends it together with the last packet of its connect, whatever
    /// the distance. Dialling sooner would make two connections to the application of every one between proxies. Default 2 ms.</summary>
    public TimeSpan HelloGrace { get; init; } = TimeSpan.FromMilliseconds(2);

    /// <summary>Whose TLS may be meant for this side: a greeting of the server is held back from it, for <see cref="GreetingHold"/>, unless it is known to wait for greetings. Null: nobody's.</summary>
    public IPAddress? TlsPeer { get; init; }

    /// <summary>From accepting. A proxy of the mesh that is short of processor time sends its hello later than <see cref="HelloGrace"/>; given the greeting, it would take that for the answer
    /// to its hello. Default 50 ms.</summary>
    public TimeSpan GreetingHold { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Others have found out that clients of the destination speak HTTP. Until this proxy knows it by itself, a client is given the detection's limit to speak before the endpoint is dialled:
    /// no connection is made that will not be used, and should the others be wrong, it costs that time and nothing else.</summary>
    public bool ClientsSpeakHttp { get; init; }

    /// <summary>Of a port, towards it: HTTP where requests are carried, or bytes, TLS of the application's own among them. That is told apart where server names decide.</summary>
    /// <param name="table">Has a route for bytes without a name.</param>
    public static UndecidedSettings Of(RouteTable table, DetectorSettings limits) =>
        new(table.Bytes!.Any!.Clusters[0].Name, table.IsHttp ? ProtocolDetection.Default : null, TakesTls: table.Bytes.NeedsServerName, limits.Timeout) { ClientsSpeakHttp = table.ClientsSpeakHttp };
}
