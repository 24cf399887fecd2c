using Weft.Proxy.Http1;
using Weft.Proxy.Http2.Hpack;
using Weft.Routing.Requests;

namespace Weft.Proxy.Http2;

/// <summary>A response's head as RFC 9113 section 8.3.2 has it, checked.</summary>
internal struct ResponseMessage
{
    /// <summary>100 to 999, never 101.</summary>
    public int Status { get; private set; }

    /// <summary>-1 without one.</summary>
    public long ContentLength { get; private set; }

    public readonly bool IsInterim => Status < 200;

    /// <summary>The same with another status.</summary>
    public readonly ResponseMessage With(int status) => this with { Status = status };

    /// <summary>The fields behind :status.</summary>
    public static ReadOnlySpan<HeaderField> Fields(FieldBlock block) => block.Fields[1..];

    /// <param name="error">Why it is malformed: one clause, a constant.</param>
    public static bool TryRead(FieldBlock block, out ResponseMessage message, out string error)
    {
        message = new ResponseMessage { ContentLength = -1 };
        var fields = block.Fields;
        if (fields.IsEmpty || !block.Name(fields[0]).SequenceEqual(":status"u8) || !TryStatus(block.Value(fields[0]), out var status))
        {
            error = "no :status, or one that is not three digits, or 101";
            return false;
        }
        message.Status = status;
        foreach (ref readonly var field in fields[1..])
        {
            var name = block.Name(field);
            var value = block.Value(field);
            error = "";
            if (name is [(byte)':', ..]) error = "a pseudo field that is unknown, repeated or behind other fields";
            else if (FieldRules.TryField(name, value, field.Known, out error) && field.Known == KnownHeader.ContentLength)
            {
                if (message.ContentLength >= 0) error = "Content-Length is repeated";
                else if (!MessageRules.TryLength(value, out var length)) error = "Content-Length is not one number";
                else message.ContentLength = length;
            }
            if (error.Length > 0) return false;
        }
        error = "";
        return true;
    }

    private static bool TryStatus(ReadOnlySpan<byte> value, out int status)
    {
        status = 0;
        if (value.Length != 3 || value.ContainsAnyExcept(Octets.Digits)) return false;
        status = (value[0] - '0') * 100 + (value[1] - '0') * 10 + value[2] - '0';
        return status is >= 100 and not 101; // RFC 9113 section 8.6: there is nothing to switch
    }
}
