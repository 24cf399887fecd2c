using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Cases;
using Weft.Proxy.Tests.Http2.Wire;

namespace Weft.Proxy.Tests.Http2.Conformance;

/// <summary>A rule of an RFC: what a client does, and how a conforming server reacts.</summary>
/// <param name="Section">Of RFC 9113 unless it says otherwise.</param>
/// <param name="Gist">The rule's sentence, shortened.</param>
/// <param name="Act">What the client does on a connection whose SETTINGS are exchanged.</param>
internal sealed record ConformanceCase(string Section, string Gist, Func<Http2Peer, Task> Act, Reaction Expected)
{
    public ConformanceCase(string section, string gist, RawFrame[] frames, Reaction expected)
        : this(section, gist, peer => peer.SendAsync(frames), expected) { }

    /// <summary>The client's first SETTINGS.</summary>
    public (ushort Id, uint Value)[] Settings { get; init; } = [];

    /// <summary>The case does the preface itself.</summary>
    public bool WithoutPreface { get; init; }

    /// <summary>The head is sound and may go upstream before what is wrong behind it is known; a whole request may not.</summary>
    public bool HeadMayPass { get; init; }

    public string Name => $"{Section}: {Gist}";

    /// <summary>Null, or what is wrong with <paramref name="server"/>.</summary>
    public async Task<string?> RunAsync(ConformanceServer server)
    {
        server.Backend.Clear();
        using var peer = WithoutPreface ? await Http2Peer.DialAsync(server.Address) : await Http2Peer.ConnectAsync(server.Address, Settings);
        peer.Patience = server.Patience;
        try
        {
            await Act(peer);
            var failure = await Expected(peer, server);
            failure ??= await WhatReachedTheBackendAsync(server, peer);
            return failure ?? (peer.Violations.Count > 0 ? "the server broke a rule itself: " + string.Join(" | ", peer.Violations) : null);
        }
        catch (Exception e) when (e is TimeoutException or EndOfStreamException)
        {
            return e.Message;
        }
    }

    /// <summary>Only targets under /fine may: whatever else arrives is malformed by this suite's convention.</summary>
    private async Task<string?> WhatReachedTheBackendAsync(ConformanceServer server, Http2Peer peer)
    {
        await Task.Delay(HeadMayPass ? 15 : peer.IsClosed ? 0 : 2); // what might still be on its way upstream, and must not be taken for the next case's
        foreach (var stream in server.Backend.Received())
        {
            var (messages, rest, error) = StrictMessage.Requests(stream);
            if (error is not null) return $"the backend got what is not HTTP/1.1: {error}: {stream}";
            if (messages.Find(m => !IsFine(m.Target)) is { } leaked) return $"the backend got {leaked.Start}";
            if (rest.Length > 0 && !HeadMayPass && !IsFine(rest.Split(' ').ElementAtOrDefault(1) ?? "")) return $"the backend got the beginning of {rest}";
        }
        return null;
    }

    private static bool IsFine(string target) => target.StartsWith("/fine", StringComparison.Ordinal) || target == "*";
}

/// <summary>Null, or how the server's reaction differs from the one that the RFC asks for.</summary>
internal delegate Task<string?> Reaction(Http2Peer peer, ConformanceServer server);
