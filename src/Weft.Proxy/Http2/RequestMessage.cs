using System.Text;
using Weft.Proxy.Http1;
using Weft.Proxy.Http2.Hpack;
using Weft.Routing.Requests;

namespace Weft.Proxy.Http2;

/// <summary>
/// A request's head as RFC 9113 section 8.3.1 has it, checked: places in the <see cref="FieldBlock"/> that holds it. What is malformed here must never reach an HTTP/1 hop, where the
/// same octets could be two requests.
/// </summary>
internal struct RequestMessage
{
    private HeaderField _method;
    private HeaderField _scheme;
    private HeaderField _authority;
    private HeaderField _path;
    private HeaderField _protocol;
    private int _pseudoFields;

    /// <summary>-1 without one.</summary>
    public long ContentLength { get; private set; }

    /// <summary>The client takes trailers (TE: trailers).</summary>
    public bool TeTrailers { get; private set; }

    public bool ExpectsContinue { get; private set; }

    public RequestKind Kind { get; private set; }

    /// <summary>:protocol was there: extended CONNECT (RFC 8441).</summary>
    public readonly bool IsExtendedConnect => _protocol.NameLength > 0;

    /// <summary>CONNECT without :protocol, whose target is the authority.</summary>
    public readonly bool IsTunnel => Kind == RequestKind.Connect && !IsExtendedConnect;

    public readonly ReadOnlySpan<byte> Method(FieldBlock block) => Value(block, _method);

    /// <summary><c>http</c> or <c>https</c>; empty for CONNECT.</summary>
    public readonly ReadOnlySpan<byte> Scheme(FieldBlock block) => Value(block, _scheme);

    public readonly ReadOnlySpan<byte> Authority(FieldBlock block) => Value(block, _authority);

    /// <summary>As received; empty for CONNECT.</summary>
    public readonly ReadOnlySpan<byte> Path(FieldBlock block) => Value(block, _path);

    /// <summary>Of extended CONNECT, e.g. <c>websocket</c>; else empty.</summary>
    public readonly ReadOnlySpan<byte> Protocol(FieldBlock block) => Value(block, _protocol);

    private static ReadOnlySpan<byte> Value(FieldBlock block, HeaderField field) => block.Buffer.Slice(field.ValueStart, field.ValueLength);

    /// <summary>The fields behind the pseudo fields.</summary>
    public readonly ReadOnlySpan<HeaderField> Fields(FieldBlock block) => block.Fields[_pseudoFields..];

    /// <summary>Checks the head in <paramref name="block"/> and joins the crumbs of its cookie (section 8.2.3).</summary>
    /// <param name="endStream">No body follows.</param>
    /// <param name="connectProtocol">We have announced extended CONNECT.</param>
    /// <param name="error">Why it is malformed: one clause, a constant.</param>
    public static bool TryRead(FieldBlock block, bool endStream, bool connectProtocol, out RequestMessage message, out string error)
    {
        message = new RequestMessage { ContentLength = -1 };
        if (!message.TryPseudoFields(block, out error)) return false;
        if (!message.TryFields(block, out var host, out var cookies, out error)) return false;
        if (!message.TryTarget(block, host, connectProtocol, out error)) return false;
        if (message.ContentLength > 0 && endStream)
        {
            error = "a Content-Length and no body";
            return false;
        }
        if (cookies > 1) Cookies.Join(block, message._pseudoFields);
        return true;
    }

    private bool TryPseudoFields(FieldBlock block, out string error)
    {
        error = "";
        foreach (ref readonly var field in block.Fields)
        {
            var name = block.Name(field);
            if (name is not [(byte)':', ..]) break;
            _pseudoFields++;
            var taken = name switch
            {
                _ when name.SequenceEqual(":method"u8) => TryTake(ref _method, field),
                _ when name.SequenceEqual(":path"u8) => TryTake(ref _path, field),
                _ when name.SequenceEqual(":scheme"u8) => TryTake(ref _scheme, field),
                _ when name.SequenceEqual(":authority"u8) => TryTake(ref _authority, field),
                _ when name.SequenceEqual(":protocol"u8) => TryTake(ref _protocol, field),
                _ => false,
            };
            if (taken) continue;
            error = "a pseudo field that is unknown or repeated";
            return false;
        }
        return true;
    }

    private static bool TryTake(ref HeaderField slot, in HeaderField field)
    {
        if (slot.NameLength > 0) return false;
        slot = field;
        return true;
    }

    private bool TryFields(FieldBlock block, out HeaderField host, out int cookies, out string error)
    {
        host = default;
        cookies = 0;
        error = "";
        foreach (ref readonly var field in Fields(block))
        {
            var name = block.Name(field);
            if (name is [(byte)':', ..])
            {
                error = "a pseudo field behind other fields";
                return false;
            }
            var value = block.Value(field);
            if (!FieldRules.TryField(name, value, field.Known, out error)) return false;
            switch (field.Known)
            {
                case KnownHeader.Other:
                    if (name.SequenceEqual("cookie"u8)) cookies++;
                    break;
                case KnownHeader.Host:
                    if (!TryTake(ref host, field)) error = "Host is repeated";
                    break;
                case KnownHeader.ContentLength:
                    if (ContentLength >= 0) error = "Content-Length is repeated";
                    else if (!MessageRules.TryLength(value, out var length)) error = "Content-Length is not one number";
                    else ContentLength = length;
                    break;
                case KnownHeader.Te:
                    TeTrailers = true;
                    break;
                case KnownHeader.Expect:
                    ExpectsContinue |= Ascii.EqualsIgnoreCase(value, "100-continue"u8);
                    break;
            }
            if (error.Length > 0) return false;
        }
        return true;
    }

    private bool TryTarget(FieldBlock block, HeaderField host, bool connectProtocol, out string error)
    {
        var method = Method(block);
        error = "";
        Kind = method.SequenceEqual("HEAD"u8) ? RequestKind.Head : method.SequenceEqual("CONNECT"u8) ? RequestKind.Connect : RequestKind.Other;
        if (!Octets.IsToken(method)) error = "no :method, or one that is no token";
        else if (IsExtendedConnect && (Kind != RequestKind.Connect || !connectProtocol || !Octets.IsProtocol(Protocol(block)))) error = ":protocol where it may not be, or one that names no protocol";
        else if (!TryAuthority(block, host)) error = ":authority and Host are missing, invalid or different";
        else if (IsTunnel)
        {
            if (_scheme.NameLength + _path.NameLength > 0) error = "CONNECT with :scheme or :path";
            else if (_authority.NameLength == 0 || !Http1.Authority.TryParse(Authority(block), out var target) || target.Port < 0) error = "the :authority of CONNECT is not host:port";
        }
        else if (!Scheme(block).SequenceEqual("http"u8) && !Scheme(block).SequenceEqual("https"u8)) error = "no :scheme, or one that is neither http nor https";
        else if (!IsPath(Path(block), method)) error = "no :path, or one that is not a path";
        return error.Length == 0;
    }

    /// <summary>One valid authority; where Host stands beside :authority it must be the same, for one hop goes by this and the next by that.</summary>
    private bool TryAuthority(FieldBlock block, HeaderField host)
    {
        if (_authority.NameLength == 0) _authority = host;
        else if (host.NameLength > 0 && !Ascii.EqualsIgnoreCase(block.Value(host), Authority(block))) return false;
        return Http1.Authority.TryParse(Authority(block), out _);
    }

    private static bool IsPath(ReadOnlySpan<byte> path, ReadOnlySpan<byte> method)
    {
        if (path is [(byte)'*']) return method.SequenceEqual("OPTIONS"u8);
        return path is [(byte)'/', ..] && !path.ContainsAnyExcept(Octets.Target);
    }
}
