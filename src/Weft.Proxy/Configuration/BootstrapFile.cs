using Envoy.Config.Bootstrap.V3;
using Weft.Proxy.Configuration.Text;
using Weft.Routing.Compile;

namespace Weft.Proxy.Configuration;

/// <summary>Reads a bootstrap: an Envoy v3 Bootstrap in YAML or JSON.</summary>
internal static class BootstrapFile
{
    private const string TypeName = "envoy.config.bootstrap.v3.Bootstrap";

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
    /// <exception cref="BootstrapException">Something in it is wrong; every problem is named with its path and place.</exception>
    public static BootstrapSettings Parse(string text, string file)
    {
        var read = MessageText.Read(text, file, TypeName);
        if (read.Errors.Count > 0) throw new BootstrapException(read.Errors);
        var compiled = BootstrapCompiler.Compile(Bootstrap.Parser.ParseFrom(read.Bytes.Span));
        return compiled.Ok
            ? compiled.Value with { PlaceOf = read.PlaceOf }
            : throw new BootstrapException([.. compiled.Rejections.Select(r => $"{read.PlaceOf(r.Field) ?? file}: {r.Field}: {r.Message}")]);
    }
}

/// <summary>A bootstrap that cannot be used.</summary>
/// <param name="errors">One sentence each, with file and place.</param>
internal sealed class BootstrapException(IReadOnlyList<string> errors) : Exception(string.Join(Environment.NewLine, errors))
{
    public IReadOnlyList<string> Errors { get; } = errors;
}
