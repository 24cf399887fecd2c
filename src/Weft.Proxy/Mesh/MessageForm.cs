using System.Text;
using Weft.Proxy.Http1;
using Weft.Proxy.Pipelines;
using Weft.Routing.Requests;

namespace Weft.Proxy.Mesh;

/// <summary>
/// What HTTP/2 between two Weft proxies cannot say of an application's message, read from <c>x-weft-form</c>:
/// <code>
/// form     = [ version ] [ "t" ] *( "," name ) [ ";" DQUOTE reason DQUOTE ]
/// version  = "1" / "2"       ; the protocol in which the message is to leave the mesh; absent: the one in which it came
/// "t"                        ; names are Title-Case; absent: lower case
/// name     = token           ; the spelling of a field that follows neither, in the order of the fields
/// reason   = *( HTAB / SP / VCHAR / obs-text )     ; of a response, where it is not the usual one of its status
/// </code>
/// <c>1t</c> is all that most HTTP/1 clients need, so that header compression makes the field one byte. A peer's word is believed because it has proved
/// a mesh identity; what does not follow the grammar is as if it were not there.
/// </summary>
internal readonly ref struct MessageForm
{
    /// <summary>Longest value written and read. What does not fit is not spelled: such names leave in the form's usual case.</summary>
    public const int MaxBytes = 8192;

    private readonly ReadOnlySpan<byte> _spellings; // each behind its comma

    private MessageForm(HttpVersion? version, bool title, ReadOnlySpan<byte> spellings, bool hasReason, ReadOnlySpan<byte> reason)
    {
        Version = version;
        IsTitle = title;
        _spellings = spellings;
        HasReason = hasReason;
        Reason = reason;
    }

    /// <summary>HTTP/1.1 or HTTP/2; null when not told.</summary>
    public HttpVersion? Version { get; }

    /// <summary>Names are Title-Case unless they are spelled out.</summary>
    public bool IsTitle { get; }

    public bool HasReason { get; }

    /// <summary>May be empty although <see cref="HasReason"/>: the application sent none.</summary>
    public ReadOnlySpan<byte> Reason { get; }

    /// <returns>False for what does not follow the grammar.</returns>
    public static bool TryParse(ReadOnlySpan<byte> value, out MessageForm form)
    {
        form = default;
        if (value.Length > MaxBytes) return false;
        HttpVersion? version = value switch
        {
            [(byte)'1', ..] => HttpVersion.Http11,
            [(byte)'2', ..] => HttpVersion.Http2,
            _ => null,
        };
        if (version is not null) value = value[1..];
        var title = value is [(byte)'t', ..];
        if (title) value = value[1..];
        var semicolon = value.IndexOf((byte)';');
        var spellings = semicolon < 0 ? value : value[..semicolon];
        if (!AreNames(spellings)) return false;
        ReadOnlySpan<byte> reason = default;
        if (semicolon >= 0)
        {
            reason = value[(semicolon + 1)..];
            if (reason.Length < 2 || reason[0] != '"' || reason[^1] != '"' || reason.ContainsAny(Octets.Controls)) return false;
            reason = reason[1..^1];
        }
        form = new MessageForm(version, title, spellings, semicolon >= 0, reason);
        return true;
    }

    /// <summary>Gives names that travelled in lower case the case that the application wrote.</summary>
    /// <param name="buffer">What <paramref name="fields"/> point into; only letters of names change, and only their case.</param>
    /// <param name="fields">The fields as they came, pseudo fields and the mesh's own among them.</param>
    public void Restore(Span<byte> buffer, ReadOnlySpan<HeaderField> fields)
    {
        if (!IsTitle && _spellings.IsEmpty) return;
        var rest = _spellings;
        var spelling = Next(ref rest);
        foreach (ref readonly var field in fields)
        {
            var name = buffer.Slice(field.NameStart, field.NameLength);
            if (field.Known == KnownHeader.XWeft || name is [(byte)':', ..]) continue;
            if (spelling.Length == name.Length && Ascii.EqualsIgnoreCase(spelling, name))
            {
                spelling.CopyTo(name);
                spelling = Next(ref rest);
            }
            else if (IsTitle && !NameCase.IsUsuallyLower(field.Known)) NameCase.ToTitle(name);
        }
    }

    private static bool AreNames(ReadOnlySpan<byte> list)
    {
        if (!list.IsEmpty && list[0] != ',') return false;
        while (!list.IsEmpty)
        {
            if (!Octets.IsToken(Next(ref list))) return false;
        }
        return true;
    }

    /// <summary>The name behind the comma that <paramref name="list"/> begins with; empty at its end.</summary>
    private static ReadOnlySpan<byte> Next(ref ReadOnlySpan<byte> list)
    {
        if (list.IsEmpty) return default;
        var name = list[1..];
        var comma = name.IndexOf((byte)',');
        list = comma < 0 ? default : name[comma..];
        return comma < 0 ? name : name[..comma];
    }
}
