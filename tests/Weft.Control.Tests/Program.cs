using Weft.Control.Tests.Store;

namespace Weft.Control.Tests;

/// <summary>The test runner; or, started with a folder in its environment, the process that a kill test kills.</summary>
internal static class Program
{
    public static int Main(string[] args)
    {
        if (Environment.GetEnvironmentVariable(KillTests.ChildFolder) is { } folder)
        {
            KillTests.RunWriter(folder);
            return 0;
        }
        if (Environment.GetEnvironmentVariable(ControlPlaneKillTests.ChildFolder) is { } data)
        {
            ControlPlaneKillTests.RunAsync(data).GetAwaiter().GetResult();
            return 0;
        }
        return Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions).GetAwaiter().GetResult();
    }
}
