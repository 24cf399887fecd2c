using System.Collections.Immutable;
using System.Net;
using Weft.Routing.Names;

namespace Weft.Routing.Compile;

/// <summary>weft.v1.Name to <see cref="MeshService"/>.</summary>
public static class NameCompiler
{
    public static Compiled<MeshService> Compile(ReadOnlySpan<byte> bytes) => Compilation.Run(TypeUrls.Name, bytes, Weft.V1.Name.Parser, m => $"{m.Service}.{m.Namespace}", Build);

    private static MeshService Build(Weft.V1.Name message, Compilation into)
    {
        if (message.Service.Length == 0) into.Refuse("service", "a name is needed");
        if (message.Namespace.Length == 0) into.Refuse("namespace", "a namespace is needed");
        var addresses = ImmutableArray.CreateBuilder<IPAddress>(message.Addresses.Count);
        for (var i = 0; i < message.Addresses.Count; i++)
        {
            if (IPAddress.TryParse(message.Addresses[i], out var address)) addresses.Add(address);
            else into.Refuse(FieldPath.Root.Field("addresses", i), $"\"{message.Addresses[i]}\" is not an IP address");
        }
        return new MeshService(message.Service.ToLowerInvariant(), message.Namespace.ToLowerInvariant(), addresses.ToImmutable(), message.Headless);
    }
}
