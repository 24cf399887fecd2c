using System.Diagnostics;

namespace Weft.Fuzz;

/// <summary>Runs one target on mutated inputs until its time is over or a property fails.</summary>
public static class FuzzLoop
{
    /// <summary>An input that takes longer has hung.</summary>
    private static readonly TimeSpan _hang = TimeSpan.FromSeconds(5);

    public static FuzzFailure? Run(IFuzzTarget target, double seconds, int seed, TextWriter output)
    {
        var random = new Random(seed);
        var corpus = target.Seeds.ToList();
        var mutator = new Mutator(random, target.Dictionary);
        var outcomes = new Dictionary<string, long>();
        using var watch = new HangWatch(target, _hang);
        var clock = Stopwatch.StartNew();
        long executions = 0;
        while (clock.Elapsed.TotalSeconds < seconds)
        {
            var input = executions < target.Seeds.Count ? target.Seeds[(int)executions] : mutator.Mutate(corpus);
            executions++;
            watch.Enter(input);
            if (Check(target, input, seed, out var outcome) is { } failure) return failure;
            if (outcomes.TryGetValue(outcome, out var count)) outcomes[outcome] = count + 1;
            else
            {
                outcomes[outcome] = 1;
                corpus.Add(input);
            }
        }
        output.WriteLine($"{target.Name}: {executions} executions in {clock.Elapsed.TotalSeconds:F1} s, {outcomes.Count} outcomes, corpus {corpus.Count}, seed {seed}");
        foreach (var (outcome, count) in outcomes.OrderByDescending(pair => pair.Value).Take(12)) output.WriteLine($"  {count,9}  {outcome}");
        return null;
    }

    /// <summary>One input, for reproducing a failure. Several cuts are tried.</summary>
    public static FuzzFailure? Once(IFuzzTarget target, byte[] input)
    {
        for (var seed = 0; seed < 100; seed++)
        {
            if (Check(target, input, seed, out _) is { } failure) return failure;
        }
        return null;
    }

    /// <summary>The check's own chance depends on the seed and the input alone, so that a failing input fails again.</summary>
    private static FuzzFailure? Check(IFuzzTarget target, byte[] input, int seed, out string outcome)
    {
        outcome = "";
        try
        {
            outcome = target.Check(input, new Random(seed ^ input.Length));
            return null;
        }
        catch (Exception failure) // whatever a codec throws is the finding
        {
            return new FuzzFailure(target.Name, input, failure is FuzzException ? failure.Message : failure.ToString());
        }
    }

    /// <summary>Ends the process with the input in hand when one does not return: there is no way to stop it politely.</summary>
    private sealed class HangWatch : IDisposable
    {
        private readonly Timer _timer;
        private byte[] _input = [];
        private long _since = Stopwatch.GetTimestamp();

        public HangWatch(IFuzzTarget target, TimeSpan limit) => _timer = new Timer(
            _ =>
            {
                if (Stopwatch.GetElapsedTime(Interlocked.Read(ref _since)) < limit) return;
                new FuzzFailure(target.Name, Volatile.Read(ref _input), $"did not return within {limit.TotalSeconds} s").Report(Console.Error);
                Environment.Exit(1);
            },
            null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));

        public void Enter(byte[] input)
        {
            Volatile.Write(ref _input, input);
            Interlocked.Exchange(ref _since, Stopwatch.GetTimestamp());
        }

        public void Dispose() => _timer.Dispose();
    }
}
