using Weft.Routing.Clusters;
using Weft.Routing.Compile;
using Weft.Xds;

namespace Weft.Control.Translation;

/// <summary>Compiles a resource as a proxy will, before it is served.</summary>
internal static class ResourceCheck
{
    /// <summary>Why a proxy would refuse <paramref name="resource"/>; empty when it would not.</summary>
    public static IReadOnlyList<Rejection> Run(XdsType type, XdsResource resource)
    {
        var body = resource.Body.Span;
        // The states of a compiled cluster live in the proxy; here they are made for the check and dropped with it.
        return type switch
        {
            XdsType.Listener => ListenerCompiler.Compile(body).Rejections,
            XdsType.Route => RouteCompiler.Compile(body).Rejections,
            XdsType.Cluster => ClusterCompiler.Compile(body, new StateRegistry()).Rejections,
            XdsType.Endpoint => EndpointCompiler.Compile(body, new StateRegistry()).Rejections,
            XdsType.Secret => SecretCompiler.Compile(body).Rejections,
            XdsType.Name => NameCompiler.Compile(body).Rejections,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no such type"),
        };
    }
}
