using System.Diagnostics;
using Weft.Fuzz.Http2;

namespace Weft.Proxy.Tests.Attacks;

/// <summary>Frames without end on one HTTP/2 connection, as fast as they go.</summary>
/// <param name="unit">The frames of the n-th round, n from 0.</param>
/// <param name="what">What a round is, in the plural.</param>
internal sealed class FloodAttack(string name, string sends, string what, Func<int, RawFrame[]> unit) : Attack
{
    /// <summary>Sent before the first round.</summary>
    public RawFrame[] Opening { get; init; } = [];

    /// <summary>The attacker reads what comes. Default true.</summary>
    public bool Reads { get; init; } = true;

    /// <summary>Rounds in one write. Default 20.</summary>
    public int Batch { get; init; } = 20;

    public override string Name => name;

    public override string Sends => sends;

    public override async Task<AttackEnd> RunAsync(AttackTarget target)
    {
        using var connection = await FloodConnection.ConnectAsync(target.Address, Reads);
        await connection.SendAsync(Bytes(Opening));
        var rounds = 0;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(10); rounds += Batch)
        {
            var first = rounds;
            if (!await connection.SendAsync(Bytes(Enumerable.Range(first, Batch).SelectMany(unit)))) break;
        }
        // A connection that ended because it was idle at last, or the attack over, was not closed for the flood.
        var closed = await connection.ClosedAsync(TimeSpan.FromSeconds(2)) && connection.GoAway != RawCode.NoError;
        var said = !Reads ? "closes" : connection.GoAway is { } code ? $"GOAWAY {code}, closes" : "closes";
        return new AttackEnd(closed, $"{Number(rounds)} {what}", closed ? said : connection.GoAway?.ToString() ?? $"takes it, {connection.Resets} resets");
    }

    private static byte[] Bytes(IEnumerable<RawFrame> frames) => [.. frames.SelectMany(f => f.ToBytes())];
}
