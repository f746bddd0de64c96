namespace Fairlead.Terminal;

/// <summary>Progress on the terminal: a line a step, with the time that it took.</summary>
internal sealed class Steps(TextWriter output, TimeProvider time)
{
    private static readonly bool IsTerminal = !Console.IsOutputRedirected;
    private readonly long _start = time.GetTimestamp();

    public TimeSpan Elapsed => time.GetElapsedTime(_start);

    /// <summary>Runs a step; on a terminal its line shows at once and is completed when it ends.</summary>
    public async Task<T> RunAsync<T>(string what, Func<Task<T>> step)
    {
        if (IsTerminal) await output.WriteAsync($"   {what} …");
        var start = time.GetTimestamp();
        try
        {
            var result = await step();
            await EndAsync(Colours.Well, what, time.GetElapsedTime(start));
            return result;
        }
        catch
        {
            await EndAsync(Colours.Ill, what, time.GetElapsedTime(start));
            throw;
        }
    }

    public Task RunAsync(string what, Func<Task> step) =>
        RunAsync(what, async () =>
        {
            await step();
            return true;
        });

    private Task EndAsync(string mark, string what, TimeSpan took) =>
        output.WriteLineAsync($"{(IsTerminal ? "\r" : "")} {mark} {what} ({Milliseconds(took)})");

    public static string Milliseconds(TimeSpan took) =>
        took.TotalSeconds >= 10 ? $"{took.TotalSeconds:F0} s" : took.TotalSeconds >= 1 ? $"{took.TotalSeconds:F1} s" : $"{took.TotalMilliseconds:F0} ms";
}
