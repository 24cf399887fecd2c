using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Cases;
using Weft.Proxy.Tests.Http2.Wire;

namespace Weft.Proxy.Tests.Http2.Conformance;

/// <summary>The reactions that RFC 9113 knows.</summary>
internal static class Expect
{
    private const int ProbeStream = 0x3fff_fff1;

    /// <summary>GOAWAY with one of <paramref name="codes"/>, then the end of the connection (section 5.4.1).</summary>
    public static Reaction ConnectionError(params RawCode[] codes) => async (peer, _) =>
    {
        await peer.UntilAsync(p => p.GoAway is { Code: not RawCode.NoError });
        if (peer.GoAway is not { } goAway) return $"the connection ended without GOAWAY {string.Join(" or ", codes)}";
        if (!codes.Contains(goAway.Code)) return $"GOAWAY {goAway.Code} ({goAway.Debug}) instead of {string.Join(" or ", codes)}";
        try
        {
            await peer.UntilAsync(p => p.IsClosed);
        }
        catch (TimeoutException)
        {
            return "GOAWAY was sent and the connection left open";
        }
        return null;
    };

    /// <summary>RST_STREAM with one of <paramref name="codes"/> while the connection serves on (section 5.4.2). A malformed request may be answered 4xx instead (section 8.1.1).</summary>
    public static Reaction StreamError(int stream, params RawCode[] codes) => async (peer, server) =>
    {
        await peer.UntilAsync(p => p.Stream(stream).IsOver || p.GoAway is not null);
        if (peer.GoAway is { } goAway) return $"GOAWAY {goAway.Code} ({goAway.Debug}) instead of a stream error";
        if (peer.IsClosed) return "the connection ended instead of a stream error";
        var state = peer.Stream(stream);
        var isRefusal = codes.Contains(RawCode.ProtocolError) && state.Status is >= 400 and < 500;
        if (state.Reset is { } code && !codes.Contains(code) && !(isRefusal && code == RawCode.NoError)) return $"RST_STREAM {code} instead of {string.Join(" or ", codes)}";
        if (state.Reset is null && !isRefusal) return $"answered {state.Status}";
        return await ServesOnAsync(peer, server);
    };

    /// <summary>A malformed request (section 8.1.1).</summary>
    public static Reaction Malformed(int stream = 1) => StreamError(stream, RawCode.ProtocolError);

    /// <summary>A response on <paramref name="stream"/>, whole; then what <paramref name="check"/> finds wrong with it or with what the backend got.</summary>
    public static Reaction Served(int stream = 1, int status = 200, Func<PeerStream, IReadOnlyList<StrictMessage>, string?>? check = null) => async (peer, server) =>
    {
        await peer.UntilAsync(p => p.Stream(stream).IsOver || p.GoAway is { Code: not RawCode.NoError });
        var state = peer.Stream(stream);
        if (peer.GoAway is { } goAway) return $"GOAWAY {goAway.Code} ({goAway.Debug}) instead of a response";
        if (peer.IsClosed && !state.Ended) return "the connection ended instead of a response";
        if (state.Reset is { } code && !(state.Ended && code == RawCode.NoError)) return $"RST_STREAM {code} instead of a response";
        if (state.Status != status) return $"status {state.Status} instead of {status}: {state.Text}";
        return check?.Invoke(state, [.. server.Backend.Received().SelectMany(s => StrictMessage.Requests(s).Messages)]);
    };

    /// <summary>Nothing comes of it: the connection serves on.</summary>
    public static Reaction Ignored => ServesOnAsync;

    /// <summary>The act says it all: it throws where something is wrong.</summary>
    public static Reaction Nothing => (_, _) => Task.FromResult<string?>(null);

    /// <summary>The connection ends; GOAWAY is optional (section 3.4).</summary>
    public static Reaction Closed => async (peer, _) => await peer.UntilAsync(p => p.IsClosed) || peer.IsClosed ? null : "the connection stayed open";

    /// <summary>Refused or served, as the server likes: only what reaches the backend is judged.</summary>
    public static Reaction RefusedOrServed(int stream = 1) => async (peer, _) =>
    {
        await peer.UntilAsync(p => p.Stream(stream).IsOver || p.IsClosed);
        return null;
    };

    /// <summary>One of several reactions that the RFC leaves open. All are tried on what the connection has brought.</summary>
    public static Reaction Either(params Reaction[] reactions) => async (peer, server) =>
    {
        // What a closed connection or a reset stream has brought stays readable, so the reactions can be tried one after the other.
        await peer.BarrierAsync();
        var failures = new List<string>();
        foreach (var reaction in reactions)
        {
            if (await reaction(peer, server) is not { } failure) return null;
            failures.Add(failure);
        }
        return string.Join(" / ", failures);
    };

    /// <summary>A stream error that a server may treat as a connection error (section 5.4.2).</summary>
    public static Reaction StreamOrConnectionError(int stream, params RawCode[] codes) => async (peer, server) =>
    {
        await peer.UntilAsync(p => p.Stream(stream).Reset is not null || p.GoAway is not null);
        return await (peer.GoAway is null ? StreamError(stream, codes) : ConnectionError(codes))(peer, server);
    };

    /// <summary>Frames on a closed stream: discarded, or an error (section 5.1, "closed").</summary>
    public static Reaction Discarded(int stream, params RawCode[] codes) => async (peer, server) =>
    {
        if (await peer.BarrierAsync()) return await ServesOnAsync(peer, server);
        if (peer.GoAway is not { } goAway) return "the connection ended without GOAWAY";
        return codes.Contains(goAway.Code) ? null : $"GOAWAY {goAway.Code} ({goAway.Debug}) for a frame on closed stream {stream}";
    };

    /// <summary>A PING and a request on the same connection are answered.</summary>
    private static async Task<string?> ServesOnAsync(Http2Peer peer, ConformanceServer server)
    {
        if (!await peer.BarrierAsync()) return $"the connection ended: {peer.GoAway}";
        await peer.SendAsync(Requests.Get(ProbeStream, "/fine/probe"));
        await peer.UntilAsync(p => p.Stream(ProbeStream).IsOver);
        return peer.Stream(ProbeStream) is { Status: 200, Ended: true } ? null : $"the connection does not serve on: {peer.Stream(ProbeStream).Status} {peer.Stream(ProbeStream).Reset} {peer.GoAway}";
    }
}
