using System.Diagnostics;
using System.Text.RegularExpressions;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Scenarios.CommandLine;

/// <summary>The tutorials say what happens: each command is run, and its output must have the lines that are shown.</summary>
public sealed partial class TutorialTests(ITestOutputHelper output)
{
    [Fact(Timeout = 180_000)]
    public Task Your_first_mesh_happens_as_it_is_told() => HappensAsync("first-mesh.md", leastSteps: 10);

    [Fact(Timeout = 180_000)]
    public async Task An_application_that_knows_nothing_of_the_mesh_is_in_it_as_it_is_told()
    {
        if (Environment.UserName != "root") Assert.Skip("needs root: it makes network namespaces");
        Tool.Require("nft", "nftables");
        Tool.Require("node", "nodejs");
        await HappensAsync("transparent.md", leastSteps: 5);
    }

    [Fact(Timeout = 180_000)]
    public async Task A_database_and_its_clients_are_in_the_mesh_as_it_is_told()
    {
        if (Environment.UserName != "root") Assert.Skip("needs root: it makes network namespaces");
        Tool.Require("nft", "nftables");
        Tool.Require("redis-server", "redis-server");
        Tool.Require("redis-cli", "redis-tools");
        await HappensAsync("databases.md", leastSteps: 7);
    }

    private async Task HappensAsync(string tutorial, int leastSteps)
    {
        Tool.Require("curl", "curl");
        Tool.Require("python3", "python3");
        var text = await File.ReadAllTextAsync(Path.Combine(Tool.RepositoryRoot(), "docs/tutorials", tutorial), TestContext.Current.CancellationToken);
        await using var weft = new Installation();
        var here = Directory.CreateDirectory(Path.Combine(weft.Data, "checkout")).FullName;
        File.CreateSymbolicLink(Path.Combine(here, "weft"), Installation.Weft);
        var steps = Steps(text);
        steps.Count.ShouldBeGreaterThan(leastSteps);
        foreach (var (command, expected) in steps)
        {
            output.WriteLine($"$ {command}");
            // Ports of this machine's other tests must not collide with those of the tutorial.
            var line = $"cd {here}\n{command.Replace("./weft up", $"./weft up {string.Join(' ', weft.Ports)}", StringComparison.Ordinal)}";
            if (command.StartsWith("./weft up", StringComparison.Ordinal) || IsServer(command))
            {
                var running = weft.StartShell($"{line.Replace("\n./weft", "\nexec ./weft", StringComparison.Ordinal)}");
                await Installation.Eventually(() => Task.FromResult(Missing(running.Log, expected).Count == 0), command, running);
                continue;
            }
            var said = await RunAsync(weft, line, expected, patient: command.StartsWith("./weft stat", StringComparison.Ordinal));
            output.WriteLine(said);
            Missing(said, expected).ShouldBeEmpty($"{command}\nsaid\n{said}");
        }
    }

    private static bool IsServer(string command) => command.StartsWith("./weft run", StringComparison.Ordinal)
        && (command.Contains("http.server", StringComparison.Ordinal) || command.Contains("redis-server", StringComparison.Ordinal));

    /// <summary>The numbers of proxies arrive every few seconds; only what shows them is asked again.</summary>
    private static async Task<string> RunAsync(Installation weft, string line, IReadOnlyList<string> expected, bool patient)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            var finished = (await weft.ShellAsync(line)).ShouldSucceed();
            var said = finished.Out + finished.Error;
            if (!patient || Missing(said, expected).Count == 0 || watch.Elapsed > TimeSpan.FromSeconds(20)) return said;
            await Task.Delay(500);
        }
    }

    /// <summary>Each block of commands with the block of output that follows it, if one does.</summary>
    private static List<(string Command, IReadOnlyList<string> Output)> Steps(string text)
    {
        var blocks = Block().Matches(text).Select(m => (Language: m.Groups[1].Value, Text: m.Groups[2].Value.TrimEnd('\n'))).ToList();
        return [.. blocks.Select((b, i) => (b, Next: i + 1 < blocks.Count ? blocks[i + 1] : default)).Where(p => p.b.Language == "sh")
            .Select(p => (p.b.Text, (IReadOnlyList<string>)(p.Next.Language == "text" ? p.Next.Text.Split('\n') : [])))];
    }

    /// <summary>The lines shown that the output does not have; "…" stands for anything, runs of blanks are one.</summary>
    private static List<string> Missing(string said, IReadOnlyList<string> expected)
    {
        var lines = said.Split('\n').Select(l => Blanks().Replace(l, " ").Trim()).ToList();
        return [.. expected.Where(e => !lines.Exists(l => Regex.IsMatch(l, Pattern(e))))];
    }

    private static string Pattern(string shown) =>
        $"^{string.Join(".*", Blanks().Replace(shown, " ").Trim().Split('…').Select(part => Regex.Escape(part.Trim(' '))))}$";

    [GeneratedRegex("^```(sh|text)\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(" +")]
    private static partial Regex Blanks();
}
