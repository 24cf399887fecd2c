using System.Text.RegularExpressions;
using Weft.TestSupport;

namespace Weft.Scenarios.Transparent;

/// <summary>What a section of docs/tutorials/transparent.md has people type.</summary>
/// <param name="Yaml">The file that it applies.</param>
/// <param name="Commands">In their order, without the prompt.</param>
/// <param name="Output">Lines that are shown to be printed.</param>
internal sealed partial record TutorialCommands(string Yaml, IReadOnlyList<string> Commands, IReadOnlyList<string> Output)
{
    private const string Prompt = "# ";

    public static TutorialCommands Of(string section)
    {
        var text = File.ReadAllText(Path.Combine(Tool.RepositoryRoot(), "docs/tutorials/transparent.md"));
        var blocks = Block().Matches(text[text.IndexOf($"\n## {section}\n", StringComparison.Ordinal)..]);
        var lines = blocks.Where(b => b.Groups[1].Value == "console").SelectMany(b => b.Groups[2].Value.Split('\n')).ToLookup(l => l.StartsWith(Prompt, StringComparison.Ordinal));
        return new TutorialCommands(blocks.First(b => b.Groups[1].Value == "yaml").Groups[2].Value, [.. lines[true].Select(l => l[Prompt.Length..])], [.. lines[false]]);
    }

    /// <summary>The one that has these words, for another service than the one that is told of.</summary>
    public string Command(string words, string service = "db") => Told().Replace(Commands.Single(c => c.Contains(words, StringComparison.Ordinal)), service);

    [GeneratedRegex("^```(yaml|console)\n(.*?)\n```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"\bdb\b")]
    private static partial Regex Told();
}
