namespace Weft.Proxy.Configuration.Text;

/// <summary>A value as it was written, in YAML or JSON. Lines and columns count from 1.</summary>
internal abstract record TextNode(int Line, int Column);

/// <param name="Text">Null for an explicit or implied null.</param>
/// <param name="IsPlain">Not quoted: where no field says what it is, its spelling does.</param>
internal sealed record TextScalar(string? Text, bool IsPlain, int Line, int Column) : TextNode(Line, Column);

internal sealed record TextList(IReadOnlyList<TextNode> Items, int Line, int Column) : TextNode(Line, Column);

internal sealed record TextMap(IReadOnlyList<TextEntry> Entries, int Line, int Column) : TextNode(Line, Column);

/// <summary>A key with its own place, and its value.</summary>
internal sealed record TextEntry(string Key, int Line, int Column, TextNode Value);

/// <summary>The text is not even YAML or JSON.</summary>
internal sealed class TextException(string message, long line, long column) : Exception(message)
{
    public long Line { get; } = line;

    public long Column { get; } = column;
}
