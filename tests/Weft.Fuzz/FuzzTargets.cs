using Weft.Fuzz.Targets;

namespace Weft.Fuzz;

public static class FuzzTargets
{
    /// <summary>Every codec that reads bytes from strangers.</summary>
    public static IReadOnlyList<IFuzzTarget> All { get; } =
    [
        new RequestTarget(), new ResponseTarget(), new ChunkedTarget(), new ClientHelloTarget(), new ProtocolGuessTarget(), new ProxyHeaderTarget(), new PathTarget(),
        new HpackDecodeTarget(), new HpackRoundTripTarget(), new Http2SessionTarget(isServer: true), new Http2SessionTarget(isServer: false), new MessageFormTarget(),
        new DnsTarget(),
    ];
}
