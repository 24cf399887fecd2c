using System.CommandLine;
using Weft.Resources;

namespace Weft.Cli.Connecting;

/// <summary>One text with resources.</summary>
/// <param name="Name">What diagnostics call it.</param>
public sealed record ResourceFile(string Name, string Text)
{
    public bool IsJson => Name.EndsWith(".json", StringComparison.OrdinalIgnoreCase);

    public ReadResult Read(string defaultNamespace) => IsJson
        ? ResourceReader.ReadJson(System.Text.Encoding.UTF8.GetBytes(Text), Name, new ReadOptions { DefaultNamespace = defaultNamespace })
        : ResourceReader.ReadYaml(Text, Name, new ReadOptions { DefaultNamespace = defaultNamespace });
}

/// <summary><c>-f</c>: files, folders and <c>-</c> for standard input.</summary>
public static class ResourceFiles
{
    public static Option<string[]> Option(bool required) => new("--filename", "-f")
    {
        Description = "File, folder (its .yaml, .yml and .json files) or - for standard input; may be given several times",
        HelpName = "FILE",
        Required = required,
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = true, // what a shell makes of -f *.yaml
    };

    /// <exception cref="CliException">A file is not there, or a folder holds none.</exception>
    public static async Task<IReadOnlyList<ResourceFile>> ReadAsync(IEnumerable<string> names, CliContext cli, CancellationToken cancel)
    {
        var files = new List<ResourceFile>();
        foreach (var name in names)
        {
            if (name == "-")
            {
                files.Add(new ResourceFile("<stdin>", await cli.In.ReadToEndAsync(cancel)));
                continue;
            }
            foreach (var path in Expand(name)) files.Add(new ResourceFile(path, await File.ReadAllTextAsync(path, cancel)));
        }
        return files;
    }

    private static IEnumerable<string> Expand(string name)
    {
        if (File.Exists(name)) return [name];
        if (!Directory.Exists(name)) throw new CliException($"{name}: no such file or folder");
        var found = Directory.GetFiles(name).Where(f => Path.GetExtension(f) is ".yaml" or ".yml" or ".json").Order(StringComparer.Ordinal).ToList();
        return found.Count > 0 ? found : throw new CliException($"{name}: no .yaml, .yml or .json file in this folder");
    }
}
