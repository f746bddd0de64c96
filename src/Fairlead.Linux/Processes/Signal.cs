namespace Fairlead.Linux.Processes;

/// <summary>Signal numbers (signal(7)).</summary>
public static class Signal
{
    public const int HangUp = 1;
    public const int Interrupt = 2;
    public const int Quit = 3;
    public const int Kill = 9;
    public const int User1 = 10;
    public const int Terminate = 15;
}
