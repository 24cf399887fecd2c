using System.Diagnostics;
using System.Globalization;
using Shouldly;
using Weft.Control.Store;
using Xunit;

namespace Weft.Control.Tests.Store;

/// <summary>A real process writes to a real disk and is killed with SIGKILL at a random moment, again and again over one folder.</summary>
public sealed class KillTests : IDisposable
{
    internal const string ChildFolder = "WEFT_TEST_STORE_WRITER";
    private const int Writers = 4;

    private readonly string _folder = Directory.CreateTempSubdirectory("weft-kill-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Writes numbered values into the folder until it is killed, printing "writer number revision" after each acknowledgement.</summary>
    internal static void RunWriter(string folder)
    {
        using var store = ResourceStore.Open(new DiskStoreFiles(folder), new StoreOptions { CompactionBytes = 20_000 });
        using var output = Console.OpenStandardOutput();
        Task.WaitAll(Enumerable.Range(0, Writers).Select(async w =>
        {
            var n = int.Parse(store.Text($"w{w}") ?? "0", CultureInfo.InvariantCulture);
            while (true)
            {
                var result = await store.PutAsync($"w{w}", $"{++n}");
                var line = System.Text.Encoding.ASCII.GetBytes($"{w} {n} {result.Revision}\n");
                lock (output) output.Write(line); // one write call per line: a line is whole or absent
            }
        }).ToArray());
    }

    [Fact]
    public async Task Nothing_acknowledged_is_lost_and_revisions_never_go_back()
    {
        var rounds = Environment.GetEnvironmentVariable("WEFT_LONG") == "1" ? 50 : 4;
        var random = new Random(20261120);
        var total = 0;
        long lastRevision = 0;
        for (var round = 0; round < rounds; round++)
        {
            var acknowledged = new int[Writers];
            long acknowledgedRevision = 0;
            var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, UseShellExecute = false, Environment = { [ChildFolder] = _folder } };
            if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet") start.ArgumentList.Add(typeof(KillTests).Assembly.Location);
            using var child = Process.Start(start)!;
            var killer = Task.CompletedTask;
            while (await child.StandardOutput.ReadLineAsync() is { } line)
            {
                var parts = line.Split(' ').Select(p => long.Parse(p, CultureInfo.InvariantCulture)).ToArray();
                acknowledged[parts[0]] = (int)parts[1];
                acknowledgedRevision = Math.Max(acknowledgedRevision, parts[2]);
                total++;
                if (killer.IsCompleted && !child.HasExited) killer = Task.Delay(random.Next(50)).ContinueWith(_ => child.Kill(), TaskScheduler.Default);
            }
            await child.WaitForExitAsync();
            child.ExitCode.ShouldBe(128 + 9);

            using var store = ResourceStore.Open(new DiskStoreFiles(_folder));
            for (var w = 0; w < Writers; w++)
                int.Parse(store.Text($"w{w}") ?? "0", CultureInfo.InvariantCulture).ShouldBeGreaterThanOrEqualTo(acknowledged[w], $"writer {w}, round {round}");
            store.Current.Revision.ShouldBeGreaterThanOrEqualTo(acknowledgedRevision);
            store.Current.Revision.ShouldBeGreaterThanOrEqualTo(lastRevision);
            lastRevision = store.Current.Revision;
        }
        total.ShouldBeGreaterThan(rounds * 3, "the children did write");
    }
}
