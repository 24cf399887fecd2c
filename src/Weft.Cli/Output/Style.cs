namespace Weft.Cli.Output;

/// <summary>What a piece of text means; on a terminal the meaning has a colour.</summary>
public sealed record Style(string Code)
{
    public static Style Plain { get; } = new("");

    public static Style Heading { get; } = new("1");

    public static Style Quiet { get; } = new("2");

    public static Style Good { get; } = new("32");

    public static Style Warning { get; } = new("33");

    public static Style Error { get; } = new("31");

    /// <summary>The text with its ANSI colour (ECMA-48 SGR), or as it is.</summary>
    public string Paint(string text, bool terminal) => terminal && Code.Length > 0 && text.Length > 0 ? $"\e[{Code}m{text}\e[0m" : text;
}
