namespace Weft.Proxy.Admin;

/// <summary>What an admin endpoint answers; 200 and plain text unless it says otherwise.</summary>
internal sealed class AdminResponse : IDisposable
{
    public const string Text = "text/plain; charset=UTF-8", Json = "application/json";

    public int Status { get; set; } = 200;

    public string ContentType { get; set; } = Text;

    /// <summary>Value of <c>Allow</c>; empty for none.</summary>
    public string Allow { get; set; } = "";

    public ResponseBody Body { get; } = new();

    /// <summary>Runs once the response is on its way, or could not be delivered: for what ends the process that answers.</summary>
    public Action? AfterSent { get; set; }

    /// <summary>Replaces whatever was written.</summary>
    public void Say(int status, string text)
    {
        Status = status;
        ContentType = Text;
        Body.Clear();
        Body.Write(text);
    }

    public void Dispose() => Body.Dispose();
}
