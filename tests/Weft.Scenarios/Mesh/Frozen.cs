using System.Diagnostics;
using System.Runtime.InteropServices;
using Shouldly;

namespace Weft.Scenarios.Mesh;

/// <summary>A process between SIGSTOP and SIGCONT: the kernel still accepts its connections and takes bytes for it, and nobody reads them.</summary>
internal sealed class Frozen : IDisposable
{
    private const int SigCont = 18, SigStop = 19; // signal(7), the numbers of most architectures, x86 and ARM among them

    private readonly int _process;

    public Frozen(Process process)
    {
        _process = process.Id;
        Signal(_process, SigStop).ShouldBe(0);
    }

    public void Dispose() => Signal(_process, SigCont).ShouldBe(0);

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Signal(int process, int signal);
}
