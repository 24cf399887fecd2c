using System.Globalization;

namespace Weft.Cli.Processes;

/// <summary>A process that is not mistaken for a later one: numbers are used again, the pair of number and start time is not.</summary>
/// <param name="Id">Process number.</param>
/// <param name="Started">Clock ticks from boot to its start (field 22 of <c>/proc/PID/stat</c>, proc(5)).</param>
public sealed record ProcessIdentity(int Id, long Started)
{
    /// <summary>USER_HZ: what /proc counts in, 100 per second on every architecture that .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    public static ProcessIdentity Current { get; } = Of(Environment.ProcessId)!;

    /// <summary>The running process with that number, or null. A zombie does not run.</summary>
    public static ProcessIdentity? Of(int id)
    {
        string stat;
        try
        {
            stat = File.ReadAllText($"/proc/{id}/stat");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
        // "PID (NAME) STATE ...": the name may hold anything, also ") Z ", so the fields are counted from the last parenthesis.
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields[0] is "Z" or "X" ? null : new ProcessIdentity(id, long.Parse(fields[19], CultureInfo.InvariantCulture));
    }

    public bool IsAlive => Of(Id) == this;

    /// <summary>Its start on the wall clock, UTC.</summary>
    public DateTime StartedAt => BootTime() + TimeSpan.FromSeconds(Started / TicksPerSecond);

    private static DateTime BootTime()
    {
        var line = File.ReadLines("/proc/stat").First(l => l.StartsWith("btime ", StringComparison.Ordinal));
        return DateTime.UnixEpoch.AddSeconds(long.Parse(line.AsSpan("btime ".Length), CultureInfo.InvariantCulture));
    }
}
