using System.Diagnostics;
using System.Globalization;

namespace Weft.Proxy.Tests.Attacks;

/// <summary>Somebody who costs a proxy more than he pays, or tries to.</summary>
internal abstract class Attack
{
    /// <summary>As it is known.</summary>
    public abstract string Name { get; }

    /// <summary>What is sent, in a few words.</summary>
    public abstract string Sends { get; }

    /// <summary>Attacks until every connection of his is closed, or for ten seconds.</summary>
    public abstract Task<AttackEnd> RunAsync(AttackTarget target);

    /// <summary>Mostly waits, so that it can run beside others. Default false.</summary>
    public virtual bool IsPatient => false;

    public override string ToString() => Name;

    protected static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}

/// <param name="IsClosed">The proxy has closed every connection of the attacker.</param>
/// <param name="Sent">How much was sent until then.</param>
/// <param name="Reaction">What the proxy said.</param>
internal sealed record AttackEnd(bool IsClosed, string Sent, string Reaction);

/// <param name="After">How long the attack lasted.</param>
/// <param name="GrowthMiB">The highest resident memory during it above the one before.</param>
/// <param name="Bystander">How the other clients fared.</param>
internal sealed record AttackReport(Attack Attack, AttackEnd End, TimeSpan After, double GrowthMiB, BystanderReport Bystander)
{
    public static string Header => "| attack | sent until closed | the proxy | after | memory | others: requests, failed, slowest |\n|---|---|---|---|---|---|";

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"| {Attack.Name} | {End.Sent} | {End.Reaction}{(End.IsClosed ? "" : ", **left open**")} | {After.TotalSeconds:F2} s | +{Math.Max(0, GrowthMiB):F1} MiB | {Bystander.Requests}, {Bystander.Failures.Count}, {Bystander.Worst.TotalMilliseconds:F0} ms |");

    /// <summary>Runs <paramref name="attacks"/> at the same time while others make requests. What cannot be told apart (memory, the others' answers) is said of each.</summary>
    public static async Task<List<AttackReport>> OfAsync(IReadOnlyList<Attack> attacks, AttackTarget target)
    {
        using var bystanders = new Bystanders(target);
        await bystanders.WaitAsync(20);
        using var memory = new MemoryWatch(target.ProcessId);
        var ends = await Task.WhenAll(attacks.Select(async attack =>
        {
            var clock = Stopwatch.StartNew();
            var end = await attack.RunAsync(target);
            return (Attack: attack, End: end, After: clock.Elapsed);
        }));
        await bystanders.WaitAsync(20);
        var others = await bystanders.StopAsync();
        return [.. ends.Select(e => new AttackReport(e.Attack, e.End, e.After, memory.GrowthMiB, others))];
    }
}
