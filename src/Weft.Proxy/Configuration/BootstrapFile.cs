using Envoy.Config.Bootstrap.V3;
using Google.Protobuf.Reflection;
using Weft.Routing.Compile;

namespace Weft.Proxy.Configuration;

/// <summary>Reads a bootstrap: an Envoy v3 Bootstrap in YAML or JSON.</summary>
internal static class BootstrapFile
{
    /// <summary>The types that may stand in a bootstrap's Any fields.</summary>
    private static TypeRegistry Types => TypeRegistry.FromFiles(
        BootstrapReflection.Descriptor,
        Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManagerReflection.Descriptor,
        Envoy.Extensions.Filters.Http.Router.V3.RouterReflection.Descriptor,
        Envoy.Extensions.Filters.Listener.TlsInspector.V3.TlsInspectorReflection.Descriptor,
        Envoy.Extensions.Filters.Listener.HttpInspector.V3.HttpInspectorReflection.Descriptor,
        Envoy.Extensions.TransportSockets.Tls.V3.TlsReflection.Descriptor,
        Envoy.Extensions.TransportSockets.RawBuffer.V3.RawBufferReflection.Descriptor,
        Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptionsReflection.Descriptor,
        Envoy.Extensions.LoadBalancingPolicies.RoundRobin.V3.RoundRobinReflection.Descriptor,
        Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3.LeastRequestReflection.Descriptor,
        Envoy.Extensions.LoadBalancingPolicies.Random.V3.RandomReflection.Descriptor,
        Envoy.Extensions.Http.HeaderFormatters.PreserveCase.V3.PreserveCaseReflection.Descriptor,
        Envoy.Extensions.AccessLoggers.Stream.V3.StreamReflection.Descriptor,
        Weft.V1.ForwardProxyReflection.Descriptor);

    /// <summary>Reads <paramref name="path"/>.</summary>
    /// <exception cref="BootstrapException">It cannot be read, or something in it is wrong; every problem is named.</exception>
    public static BootstrapSettings Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BootstrapException([$"{path}: cannot be read: {e.Message}"]);
        }
    }

    /// <param name="text">YAML or JSON.</param>
    /// <param name="file">Named in errors.</param>
    /// <exception cref="BootstrapException">Something in it is wrong; every problem is named.</exception>
    public static BootstrapSettings Parse(string text, string file)
    {
        var (message, errors) = ProtoYaml.Read<Bootstrap>(text, file, Bootstrap.Descriptor, Types);
        if (message is null) throw new BootstrapException(errors);
        var compiled = BootstrapCompiler.Compile(message);
        return compiled.Ok ? compiled.Value : throw new BootstrapException([.. compiled.Rejections.Select(r => $"{file}: {r.Field}: {r.Message}")]);
    }
}

/// <summary>A bootstrap that cannot be used.</summary>
/// <param name="errors">One sentence each, with file and place.</param>
internal sealed class BootstrapException(IReadOnlyList<string> errors) : Exception(string.Join(Environment.NewLine, errors))
{
    public IReadOnlyList<string> Errors { get; } = errors;
}
