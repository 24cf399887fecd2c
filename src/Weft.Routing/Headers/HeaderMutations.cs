using System.Collections.Immutable;
using System.Text;

namespace Weft.Routing.Headers;

/// <summary>
/// What a route does to a head's fields, worked out in advance: one entry per field name, whatever the number and order of the operations
/// that led to it. A writer walks the head once: a field whose name <see cref="TryFind"/> knows is left out when the entry says so, and
/// behind the fields come the entry's lines for "was there" or "was not there".
/// </summary>
public sealed class HeaderMutations
{
    private readonly HeaderEdit[] _edits;

    internal HeaderMutations(HeaderEdit[] edits) => _edits = edits;

    public static HeaderMutations None { get; } = new([]);

    public bool IsEmpty => _edits.Length == 0;

    public ReadOnlySpan<HeaderEdit> Edits => _edits;

    /// <summary>Index in <see cref="Edits"/> of the entry for a field name (compared without case), or -1.</summary>
    public int IndexOf(ReadOnlySpan<byte> name)
    {
        for (var i = 0; i < _edits.Length; i++)
        {
            if (_edits[i].Name.Length == name.Length && Ascii.EqualsIgnoreCase(_edits[i].Name, name)) return i;
        }
        return -1;
    }
}

/// <summary>What happens to the fields of one name.</summary>
/// <param name="name">Lower case.</param>
/// <param name="dropsOriginal">The head's own fields of this name are not written.</param>
/// <param name="whenPresent">Values added when the head has the name, one field each.</param>
/// <param name="whenAbsent">The same when it has not.</param>
public sealed class HeaderEdit(byte[] name, bool dropsOriginal, byte[][] whenPresent, byte[][] whenAbsent)
{
    private readonly byte[][] _whenPresent = whenPresent;
    private readonly byte[][] _whenAbsent = whenAbsent;
    private readonly byte[] _linesWhenPresent = Join(name, whenPresent);
    private readonly byte[] _linesWhenAbsent = Join(name, whenAbsent);
    private readonly byte[] _name = name;

    public ReadOnlySpan<byte> Name => _name;

    public bool DropsOriginal { get; } = dropsOriginal;

    /// <summary>What is added, one field per value.</summary>
    public ReadOnlySpan<byte[]> Values(bool present) => present ? _whenPresent : _whenAbsent;

    /// <summary>The same as complete lines (<c>name: value CRLF</c>), as HTTP/1 writes them.</summary>
    public ReadOnlySpan<byte> Lines(bool present) => present ? _linesWhenPresent : _linesWhenAbsent;

    public override string ToString() => Encoding.Latin1.GetString(_name);

    private static byte[] Join(byte[] name, byte[][] values) => [.. values.SelectMany(v => (byte[])[.. name, .. ": "u8, .. v, .. "\r\n"u8])];
}
