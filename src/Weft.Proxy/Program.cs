namespace Weft.Proxy;

internal static class Program
{
    public static int Main() => 0;
}
