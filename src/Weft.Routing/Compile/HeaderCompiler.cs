using System.Text;
using Envoy.Config.Core.V3;
using Google.Protobuf.Collections;
using Weft.Routing.Headers;
using Append = Envoy.Config.Core.V3.HeaderValueOption.Types.HeaderAppendAction;

namespace Weft.Routing.Compile;

/// <summary>request_headers_to_add, response_headers_to_remove and their like, at every level that has them.</summary>
internal static class HeaderCompiler
{
    /// <summary>The connection's framing is the proxy's own; a route that touched it could split messages.</summary>
    private static readonly string[] Untouchable =
        ["host", "connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

    /// <summary>One level's operations. Removal comes before addition, so that "remove and add" replaces.</summary>
    public static List<HeaderOperation> Compile(
        RepeatedField<HeaderValueOption> add, RepeatedField<string> remove, string side, FieldPath at, Compilation into)
    {
        var operations = new List<HeaderOperation>();
        for (var i = 0; i < remove.Count; i++)
        {
            if (CheckName(remove[i], side, at.Field($"{side}_headers_to_remove", i), into))
                operations.Add(new HeaderOperation(HeaderOperationKind.Remove, remove[i].ToLowerInvariant()));
        }
        for (var i = 0; i < add.Count; i++)
        {
            if (Add(add[i], side, at.Field($"{side}_headers_to_add", i), into) is { } operation) operations.Add(operation);
        }
        return operations;
    }

    private static HeaderOperation? Add(HeaderValueOption option, string side, FieldPath at, Compilation into)
    {
        var header = option.Header ?? new HeaderValue();
        if (!CheckName(header.Key, side, at.Field("header").Field("key"), into)) return null;
        if (Value(header.Value, at.Field("header").Field("value"), into) is not { } value) return null;
        if (value.Length == 0 && !option.KeepEmptyValue) return null; // Envoy does not add empty values unless asked
        HeaderOperationKind? kind = (option.Append, option.AppendAction) switch
        {
            (true, _) => HeaderOperationKind.Append,
            (false, _) => HeaderOperationKind.OverwriteOrAdd,
            (null, Append.AppendIfExistsOrAdd) => HeaderOperationKind.Append,
            (null, Append.AddIfAbsent) => HeaderOperationKind.AddIfAbsent,
            (null, Append.OverwriteIfExistsOrAdd) => HeaderOperationKind.OverwriteOrAdd,
            (null, Append.OverwriteIfExists) => HeaderOperationKind.OverwriteIfExists,
            _ => null,
        };
        if (kind is null) into.Refuse(at.Field("append_action"), $"{(int)option.AppendAction} is not a known action");
        return kind is null ? null : new HeaderOperation(kind.Value, header.Key.ToLowerInvariant(), value);
    }

    private static bool CheckName(string name, string side, FieldPath at, Compilation into)
    {
        if (!Values.IsToken(name))
        {
            into.Refuse(at, $"\"{name}\" is not a header name{(name.StartsWith(':') ? ": use prefix_rewrite or host_rewrite_literal" : "")}");
            return false;
        }
        // A mesh peer believes what a request says there. On responses a route may name the fault that it stands for.
        var isMeshs = side == "request" && name.StartsWith("x-weft-", StringComparison.OrdinalIgnoreCase);
        if (!isMeshs && !Untouchable.Contains(name.ToLowerInvariant(), StringComparer.Ordinal)) return true;
        into.Refuse(at, $"{name} may not be changed by a route");
        return false;
    }

    /// <summary>Plain text; <c>%%</c> is a percent sign. Envoy's substitutions are not supported.</summary>
    private static string? Value(string text, FieldPath at, Compilation into)
    {
        if (!Values.IsFieldValue(text))
        {
            into.Refuse(at, "a header value holds no line break and no NUL");
            return null;
        }
        if (!text.Contains('%', StringComparison.Ordinal)) return text;
        var plain = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            plain.Append(text[i]);
            if (text[i] != '%') continue;
            if (i + 1 < text.Length && text[i + 1] == '%') i++;
            else
            {
                into.Refuse(at, $"substitutions are not supported: write a percent sign as %% (\"{text}\")");
                return null;
            }
        }
        return plain.ToString();
    }
}
