/** Shows one. */
export const View = ({ item, ...rest }: Props): JSX.Element => {
  return <div onClick={() => item.open(1)}>{rest.items.map((i) => <Row key={i.id} />)}</div>;
};
export default function App() { return cond ? <View /> : null; }
