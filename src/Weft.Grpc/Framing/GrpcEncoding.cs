namespace Weft.Grpc;

/// <summary>The message encodings that Weft speaks.</summary>
public enum GrpcEncoding
{
    Identity,
    Gzip,
}

/// <summary>The names of the encodings on the wire and their negotiation (grpc/doc/compression.md).</summary>
public static class GrpcEncodings
{
    /// <summary>The value of <c>grpc-accept-encoding</c>.</summary>
    public const string Accepted = "identity,gzip";

    public static string Name(this GrpcEncoding encoding) => encoding == GrpcEncoding.Gzip ? "gzip" : "identity";

    /// <summary>Reads <c>grpc-encoding</c>; an absent field means identity. False for an encoding that is not spoken: the answer to it is
    /// <see cref="GrpcStatusCode.Unimplemented"/> with <c>grpc-accept-encoding</c>.</summary>
    public static bool TryParse(string? name, out GrpcEncoding encoding)
    {
        encoding = string.Equals(name, "gzip", StringComparison.OrdinalIgnoreCase) ? GrpcEncoding.Gzip : GrpcEncoding.Identity;
        return encoding == GrpcEncoding.Gzip || string.IsNullOrEmpty(name) || string.Equals(name, "identity", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Whether the peer's <c>grpc-accept-encoding</c> lists <paramref name="encoding"/>. Identity is always accepted.</summary>
    public static bool Accepts(string? acceptEncoding, GrpcEncoding encoding)
    {
        if (encoding == GrpcEncoding.Identity) return true;
        foreach (var name in (acceptEncoding ?? "").Split(',', StringSplitOptions.TrimEntries))
            if (string.Equals(name, encoding.Name(), StringComparison.OrdinalIgnoreCase)) return true;
        return false;
    }
}
