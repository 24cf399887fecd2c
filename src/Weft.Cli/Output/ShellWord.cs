namespace Weft.Cli.Output;

/// <summary>One word of a command that is printed for copying.</summary>
internal static class ShellWord
{
    /// <summary>The text as a POSIX shell reads it back: in single quotes where it holds anything that a shell might take for its own.</summary>
    public static string Quote(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || "_@%+=:,./-".Contains(c, StringComparison.Ordinal)) ? text : $"'{text.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}
