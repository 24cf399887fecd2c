using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Weft.Routing.Compile.Fields;

namespace Weft.Routing.Compile;

/// <summary>Collects what is wrong with one resource while it is compiled, so that everything is reported at once.</summary>
internal sealed class Compilation(string typeUrl)
{
    private readonly List<Rejection> _rejections = [];

    /// <summary>The resource's name, known once it is parsed.</summary>
    public string Resource { get; set; } = "";

    public int UnknownFields { get; set; }

    public bool Failed => _rejections.Count > 0;

    /// <summary>Parses, holds the fields against the lists, and builds: every compiler is this with its own <paramref name="build"/>.</summary>
    /// <param name="typeUrl">The resource's type.</param>
    /// <param name="bytes">The resource as it arrived.</param>
    /// <param name="parser">Makes the message.</param>
    /// <param name="name">Reads the resource's name.</param>
    /// <param name="build">Makes the result; what it refuses goes into the compilation, and its result then counts for nothing.</param>
    public static Compiled<TResult> Run<TMessage, TResult>(
        string typeUrl, ReadOnlySpan<byte> bytes, MessageParser<TMessage> parser, Func<TMessage, string> name, Func<TMessage, Compilation, TResult?> build)
        where TMessage : class, IMessage<TMessage>
        where TResult : class
    {
        var compilation = new Compilation(typeUrl);
        TMessage message;
        try
        {
            message = parser.ParseFrom(bytes);
        }
        catch (Exception e) when (IsMalformed(e))
        {
            compilation.Refuse("", $"the bytes are not a valid {typeUrl[TypeUrls.Prefix.Length..]}: {e.Message}");
            return compilation.Finish<TResult>(null);
        }
        compilation.Resource = name(message);
        FieldPolicy.Check(typeUrl[TypeUrls.Prefix.Length..], bytes, compilation);
        return compilation.Finish(build(message, compilation));
    }

    public void Refuse(FieldPath field, string message) => Refuse(field.ToString(), message);

    public void Refuse(string field, string message) => _rejections.Add(new Rejection(typeUrl, Resource, field, message));

    /// <summary>The message inside an Any of the expected type; refuses and returns null when its bytes are broken.</summary>
    public T? Unpack<T>(Any any, MessageParser<T> parser, FieldPath at)
        where T : class, IMessage<T>
    {
        try
        {
            return parser.ParseFrom(any.Value);
        }
        catch (Exception e) when (IsMalformed(e))
        {
            Refuse(at, $"the bytes are not a valid {any.TypeUrl}: {e.Message}");
            return null;
        }
    }

    /// <summary>The parser answers a tag of zero inside an unknown group with InvalidOperationException.</summary>
    private static bool IsMalformed(Exception e) => e is InvalidProtocolBufferException or InvalidOperationException;

    public Compiled<T> Finish<T>(T? value)
        where T : class =>
        Failed || value is null
            ? new Compiled<T>(null, [.. _rejections.Distinct()], UnknownFields)
            : new Compiled<T>(value, [], UnknownFields);
}
