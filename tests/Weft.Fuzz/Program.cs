using Weft.Fuzz;

// weft-fuzz [TARGET...] [--seconds N] [--seed N] [--input FILE]
// Mutates corpora against the codecs. Exit code 1 with the input that shows a failure, 2 for a wrong command line.
var known = FuzzTargets.All;
var options = FuzzOptions.Parse(args, known.Select(target => target.Name), out var problem);
if (options is null)
{
    Console.Error.WriteLine($"{problem}\nusage: weft-fuzz [{string.Join('|', known.Select(target => target.Name))}]... [--seconds N] [--seed N] [--input FILE]");
    return 2;
}
foreach (var target in known.Where(target => options.Targets.Contains(target.Name)))
{
    var failure = options.Input is { } file
        ? FuzzLoop.Once(target, File.ReadAllBytes(file))
        : FuzzLoop.Run(target, options.Seconds, options.Seed, Console.Out);
    if (failure is null) continue;
    failure.Report(Console.Error);
    return 1;
}
return 0;
