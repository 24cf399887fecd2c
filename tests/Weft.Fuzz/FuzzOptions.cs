namespace Weft.Fuzz;

/// <param name="Targets">Names of the targets to run; all by default.</param>
/// <param name="Seconds">How long each target runs. Default 10.</param>
/// <param name="Seed">Of all chance; the same seed tries the same inputs in the same order. Default 1.</param>
/// <param name="Input">One file to run instead of mutated inputs: reproduces a failure.</param>
public sealed record FuzzOptions(IReadOnlySet<string> Targets, double Seconds, int Seed, string? Input)
{
    public static FuzzOptions? Parse(string[] args, IEnumerable<string> known, out string problem)
    {
        var targets = new HashSet<string>();
        var all = known.ToHashSet();
        var options = new FuzzOptions(all, 10, 1, null);
        problem = "";
        for (var i = 0; i < args.Length; i++)
        {
            var value = i + 1 < args.Length ? args[i + 1] : "";
            switch (args[i])
            {
                case "--seconds" when double.TryParse(value, out var seconds) && seconds > 0:
                    options = options with { Seconds = seconds };
                    i++;
                    break;
                case "--seed" when int.TryParse(value, out var seed):
                    options = options with { Seed = seed };
                    i++;
                    break;
                case "--input" when File.Exists(value):
                    options = options with { Input = value };
                    i++;
                    break;
                case var name when all.Contains(name):
                    targets.Add(name);
                    break;
                default:
                    problem = $"cannot use {args[i]} {value}".TrimEnd();
                    return null;
            }
        }
        return targets.Count == 0 ? options : options with { Targets = targets };
    }
}
