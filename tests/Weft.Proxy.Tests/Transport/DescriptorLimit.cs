using System.Runtime.InteropServices;

namespace Weft.Proxy.Tests.Transport;

/// <summary>The process's soft limit of open files.</summary>
internal static class DescriptorLimit
{
    private const int NoFile = 7;

    public static ulong Current
    {
        get
        {
            GetLimit(NoFile, out var limit);
            return limit.Soft;
        }
        set
        {
            GetLimit(NoFile, out var limit);
            limit.Soft = value;
            if (SetLimit(NoFile, ref limit) != 0) throw new InvalidOperationException("setrlimit failed");
        }
    }

    [DllImport("libc", EntryPoint = "getrlimit")]
    private static extern int GetLimit(int resource, out Limit limit);

    [DllImport("libc", EntryPoint = "setrlimit")]
    private static extern int SetLimit(int resource, ref Limit limit);

    private struct Limit
    {
        public ulong Soft;
        public ulong Hard;
    }
}
