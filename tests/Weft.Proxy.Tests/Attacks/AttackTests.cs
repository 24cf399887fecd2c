using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Attacks;

/// <summary>Measures a process's memory and other clients' answers, so nothing else may run beside it.</summary>
[CollectionDefinition(nameof(AttackTests), DisableParallelization = true)]
public sealed class AttackCollection;

/// <summary>
/// A real weft-proxy under each attack: its memory stays bounded, the attacker is closed, and two other clients, who never stop, get every answer.
/// What was measured is printed as a table and kept in <c>artifacts/attacks.md</c>; with <c>./test --long</c> each attack runs alone, as for <c>docs/attacks.md</c>.
/// </summary>
[Collection(nameof(AttackTests))]
public sealed class AttackTests(ITestOutputHelper output)
{
    /// <summary>Most resident memory that an attack may cost, and all patient ones together: what six hundred streams hold that are never read, a read of 64 KiB each.</summary>
    private const int MostMiB = 64, MostTogetherMiB = 128;

    private static bool RunsAlone => Environment.GetEnvironmentVariable("WEFT_LONG") == "1";

    [Fact]
    public async Task Attacks_are_closed_take_little_memory_and_hurt_nobody_else()
    {
        await using var target = await AttackTarget.StartAsync();
        var reports = new List<AttackReport>();
        foreach (var attacks in Rounds())
        {
            reports.AddRange(await AttackReport.OfAsync(attacks, target));
            target.IsAlive.ShouldBeTrue($"the proxy died of {string.Join(", ", attacks)}: {target.Log}");
        }

        var table = string.Join('\n', [AttackReport.Header, .. reports.Select(r => r.ToString())]);
        output.WriteLine(table);
        await File.WriteAllTextAsync(Path.Combine(Tool.RepositoryRoot(), "artifacts", "attacks.md"), table + "\n");

        reports.Where(r => !r.End.IsClosed).Select(r => r.Attack.Name).ShouldBeEmpty("the attacker was left open");
        reports.Where(r => r.Bystander.Failures.Count > 0).Select(r => $"{r.Attack.Name}: {string.Join(", ", r.Bystander.Failures)}").ShouldBeEmpty("other clients failed");
        reports.Where(r => r.GrowthMiB > (r.Attack.IsPatient && !RunsAlone ? MostTogetherMiB : MostMiB)).Select(r => r.ToString()).ShouldBeEmpty("memory grew too much");
        target.Log.ShouldNotContain("exception", Case.Insensitive);
    }

    /// <summary>Attacks one by one; but those that mostly wait share a round, unless there is time.</summary>
    private static IEnumerable<IReadOnlyList<Attack>> Rounds()
    {
        Attack[] all = [.. Http2Attacks.All, .. OtherAttacks.All];
        if (RunsAlone) return all.Select(a => new[] { a });
        return all.Where(a => !a.IsPatient).Select(a => new[] { a }).Append([.. all.Where(a => a.IsPatient)]);
    }
}
