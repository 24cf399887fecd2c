using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Udpa.Annotations;
using Weft.Xds;

namespace Weft.Proxy.Configuration;

/// <summary>
/// Takes secrets out of configuration that people will see: every field that xDS marks <c>udpa.annotations.sensitive</c> (private keys, passwords, ticket keys),
/// with all that is inside it, also within a packed Any. As in Envoy, text becomes <c>[redacted]</c> and everything else its default.
/// </summary>
internal static class Redaction
{
    private const string Placeholder = "[redacted]";

    private static readonly ByteString PlaceholderBytes = ByteString.CopyFromUtf8(Placeholder);

    /// <summary>A copy of <paramref name="message"/> in which every sensitive field is redacted.</summary>
    public static T Redact<T>(T message) where T : IMessage
    {
        var copy = message is IDeepCloneable<T> cloneable ? cloneable.Clone() : (T)message.Descriptor.Parser.ParseFrom(message.ToByteString());
        Walk(copy, sensitive: false);
        return copy;
    }

    /// <summary>The same message unless a private key stands in it as PEM; then a redacted copy.</summary>
    /// <remarks>The look at the bytes comes first because redacting asks messages for their descriptors, which stay in memory for good (see
    /// <see cref="ConfigTypes"/>): a sidecar, whose key is in its own store, never pays for them.</remarks>
    public static IMessage WithoutKeys(IMessage message) => HoldsKey(message.ToByteString()) ? Redact(message) : message;

    /// <summary>The same for a serialized resource.</summary>
    public static ByteString WithoutKeys(XdsType type, ByteString body)
    {
        if (!HoldsKey(body)) return body;
        try
        {
            return Redact(ConfigTypes.Parse(type.TypeUrl(), body)!).ToByteString();
        }
        catch (InvalidProtocolBufferException)
        {
            return ByteString.Empty; // refused for the same reason; what cannot be read cannot be shown without its key
        }
    }

    private static bool HoldsKey(ByteString body) => body.Span.IndexOf("PRIVATE KEY"u8) >= 0;

    private static void Walk(IMessage message, bool sensitive)
    {
        if (message is Any any)
        {
            WalkAny(any, sensitive);
            return;
        }
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder())
        {
            var hidden = sensitive || field.GetOptions()?.GetExtension(SensitiveExtensions.Sensitive) == true;
            if (field.IsMap) WalkMap(field, (System.Collections.IDictionary)field.Accessor.GetValue(message), hidden);
            else if (field.IsRepeated) WalkList(field, (System.Collections.IList)field.Accessor.GetValue(message), hidden);
            else if (field.FieldType is FieldType.Message)
            {
                // Wrappers (StringValue and the like) are values in C#, not messages.
                if (field.Accessor.GetValue(message) is IMessage inner) Walk(inner, hidden);
                else if (hidden) field.Accessor.Clear(message);
            }
            else if (hidden) Hide(message, field);
        }
    }

    private static void Hide(IMessage message, FieldDescriptor field)
    {
        var set = field.RealContainingOneof is { } oneof ? oneof.Accessor.GetCaseFieldDescriptor(message) == field
            : field.HasPresence ? field.Accessor.HasValue(message)
            : !IsDefault(field.Accessor.GetValue(message));
        if (!set) return;
        if (Substitute(field) is { } substitute) field.Accessor.SetValue(message, substitute);
        else field.Accessor.Clear(message);
    }

    private static void WalkList(FieldDescriptor field, System.Collections.IList values, bool hidden)
    {
        for (var i = 0; i < values.Count; i++)
        {
            if (values[i] is IMessage inner) Walk(inner, hidden);
            else if (hidden && Substitute(field) is { } substitute) values[i] = substitute;
        }
        if (hidden && values.Count > 0 && values[0] is not (IMessage or string or ByteString)) values.Clear();
    }

    private static void WalkMap(FieldDescriptor field, System.Collections.IDictionary values, bool hidden)
    {
        var value = field.MessageType.FindFieldByNumber(2);
        foreach (var key in values.Keys.Cast<object>().ToArray())
        {
            if (values[key] is IMessage inner) Walk(inner, hidden);
            else if (hidden && Substitute(value) is { } substitute) values[key] = substitute;
            else if (hidden) values.Remove(key);
        }
    }

    private static void WalkAny(Any any, bool sensitive)
    {
        IMessage? inner = null;
        try
        {
            inner = ConfigTypes.Parse(any.TypeUrl, any.Value);
        }
        catch (InvalidProtocolBufferException)
        {
            // Falls through: what cannot be read cannot be cleared of secrets either.
        }
        if (inner is null)
        {
            var note = new StringValue { Value = $"{any.TypeUrl}: {any.Value.Length} bytes of a type that is not known here" };
            any.TypeUrl = ConfigTypes.Prefix + "google.protobuf.StringValue";
            any.Value = note.ToByteString();
            return;
        }
        Walk(inner, sensitive);
        any.Value = inner.ToByteString();
    }

    private static object? Substitute(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.String => Placeholder,
        FieldType.Bytes => PlaceholderBytes,
        _ => null,
    };

    private static bool IsDefault(object? value) => value switch
    {
        null => true,
        string text => text.Length == 0,
        ByteString bytes => bytes.IsEmpty,
        _ => false,
    };
}
