using Google.Protobuf;
using Weft.Routing.Security;
using ProtoSecret = Envoy.Extensions.TransportSockets.Tls.V3.Secret;

namespace Weft.Routing.Compile;

/// <summary>Secret to <see cref="Secret"/>.</summary>
public static class SecretCompiler
{
    private static readonly MessageParser<ProtoSecret> Parser = ProtoSecret.Parser.WithDiscardUnknownFields(true);

    public static Compiled<Secret> Compile(ReadOnlySpan<byte> bytes) =>
        Compilation.Run(TypeUrls.Secret, bytes, Parser, m => m.Name, Build);

    public static Compiled<Secret> Compile(ProtoSecret message) => Compile(message.ToByteArray());

    private static Secret? Build(ProtoSecret message, Compilation into)
    {
        if (message.Name.Length == 0) into.Refuse("name", "a name is needed");
        switch (message.TypeCase)
        {
            case ProtoSecret.TypeOneofCase.TlsCertificate:
                return TlsCompiler.Certificate(message.TlsCertificate, FieldPath.Root.Field("tls_certificate"), into) is { } certificate
                    ? new Secret(message.Name, certificate, null)
                    : null;
            case ProtoSecret.TypeOneofCase.ValidationContext:
                var validation = TlsCompiler.Validation(message.ValidationContext, FieldPath.Root.Field("validation_context"), into);
                if (validation.TrustedRoots is null) into.Refuse("validation_context.trusted_ca", "is needed");
                return new Secret(message.Name, null, validation);
            case ProtoSecret.TypeOneofCase.None:
                into.Refuse("", "one of tls_certificate and validation_context is needed");
                return null;
            default:
                return null; // the others stand on the refused list
        }
    }
}
