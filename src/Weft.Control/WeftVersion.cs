using System.Reflection;

namespace Weft.Control;

/// <summary>The version of this build, as the project file gives it.</summary>
public static class WeftVersion
{
    public static string Text { get; } =
        typeof(WeftVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0.0.0";
}
